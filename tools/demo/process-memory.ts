/** What a process and those that it has started take of memory, as Linux tells it. */
import { readFileSync } from 'node:fs'

const KIB_PER_MIB = 1024

export interface ProcessMemory {
  /** Of its program's file. */
  readonly name: string
  readonly residentMib: number
  /** Pages that several processes share, as those of Node itself, divided among them. */
  readonly shareMib: number
}

/** The process itself first. Throws where there is no such process. */
export function memoryOf(pid: number): readonly ProcessMemory[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return [ownMemoryOf(pid), ...children.flatMap(memoryOf)]
}

function ownMemoryOf(pid: number): ProcessMemory {
  const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .split('\0')
    .find((word) => /\.[jt]s$/.test(word))
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mebibytes = (what: string): number =>
    Math.round(Number(new RegExp(`^${what}: +(\\d+) kB$`, 'm').exec(rollup)?.[1]) / KIB_PER_MIB)
  return { name: program?.split('/').at(-1) ?? String(pid), residentMib: mebibytes('Rss'), shareMib: mebibytes('Pss') }
}
