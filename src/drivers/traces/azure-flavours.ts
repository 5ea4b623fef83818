import { ParseError } from '../../terms/parse.ts'
import { GiB } from '../../terms/units.ts'
import type { VmSize } from './vm-sizes.ts'

/** A size that Azure sold in 2017, and how many VMs of it arrived in 21 days. */
export interface Flavour {
  readonly letter: string
  readonly size: VmSize
  readonly arrivals: number
}

/** Sizes by letter, `vCPU,GB letter` a line, as flav_map.txt has them. */
export function parseFlavourMap(text: string, place: string): ReadonlyMap<string, VmSize> {
  const sizes = new Map<string, VmSize>()
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return
    const match = /^(\d+),([\d.]+) ([a-z])$/.exec(line.trim())
    if (match === null) throw new ParseError(`${place}:${i + 1}`, line, 'Expected "vCPU,GB letter".')
    sizes.set(match[3], { cpuCores: Number(match[1]), memoryBytes: Number(match[2]) * GiB })
  })
  return sizes
}

/** Arrivals by letter, counted from lines of `seconds letter,letter,|,...`; `|` closes a tenant's batch. */
export function countArrivals(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split('\n')) {
    for (const letter of line.slice(line.indexOf(' ') + 1)) {
      if (letter >= 'a' && letter <= 'z') counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
  }
  return counts
}

/** The flavour at `fraction` (0 to 1, below 1) of all arrivals. */
export function flavourAt(flavours: readonly Flavour[], fraction: number): Flavour {
  const total = flavours.reduce((sum, { arrivals }) => sum + arrivals, 0)
  let left = fraction * total
  return flavours.find(({ arrivals }) => (left -= arrivals) < 0) ?? flavours[flavours.length - 1]
}
