import { ParseError } from '../../terms/parse.ts'

/** Most a VM may report of its size, in percent: above it is a mistake of units, not a burst. */
export const PERCENT_MAX = 1000
/** Most kB/s of one VM: 1 TB/s, beyond any disk or network. */
export const RATE_KBPS_MAX = 1e9
/** kB/s to bytes/s. Decimal, as vmstat and VMware count network and disk kilobytes. */
export const BYTES_PER_KB = 1000
/** Limits that keep a wrong file from eating the machine: VMs, steps, and cells (VM x step) of one column. */
export const VMS_MAX = 100_000
export const STEPS_MAX = 200_000
export const CELLS_MAX = 100_000_000

/** A percentage as it may stand in a file; NaN (absent) passes. */
export function checkPercent(percent: number, place: string, isStrict: boolean): number {
  if (percent < 0)
    throw new ParseError(place, percent, "A percentage can't be negative. Leave the cell empty when nobody measured.")
  if (percent > PERCENT_MAX)
    throw new ParseError(
      place,
      percent,
      `Expected at most ${PERCENT_MAX} %. Values are percent of the VM's whole size, not of one core.`,
    )
  if (isStrict && percent > 100)
    throw new ParseError(
      place,
      percent,
      'It is over 100 %, which --strict refuses. Without --strict it is kept and counted.',
    )
  return percent
}

/** A rate in kB/s as it may stand in a file; NaN (absent) passes. */
export function checkRate(kiloBytesPerSec: number, place: string): number {
  if (kiloBytesPerSec < 0 || kiloBytesPerSec > RATE_KBPS_MAX)
    throw new ParseError(
      place,
      kiloBytesPerSec,
      `Expected kB/s from 0 to ${RATE_KBPS_MAX}. Leave the cell empty when nobody measured.`,
    )
  return kiloBytesPerSec
}

export function notPercent(place: string, text: string): ParseError {
  const remedy = /^[-+]?nan$/i.test(text)
    ? 'Leave the cell empty when nobody measured.'
    : 'Expected a percentage such as 37.5, without sign or unit; empty means that nobody measured.'
  return new ParseError(place, text, remedy)
}

export function checkName(name: string, place: string, lengthMax: number): string {
  if (name === '') throw new ParseError(place, name, 'Every row begins with the name of its VM.')
  if (name.length > lengthMax) throw new ParseError(place, name, `A VM's name has at most ${lengthMax} characters.`)
  return name
}
