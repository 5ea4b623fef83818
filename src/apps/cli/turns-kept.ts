import { MiB } from '../../terms/units.ts'
import { UsageError } from '../usage-error.ts'

/** Files have an eighth each, and a turn of 10,000 VMs is of the order of a MiB where it is the first of its file. */
const SIZE_MIB_MIN = 8
const SIZE_MIB_MAX = 1_000_000

/** What `--turns-kept` says, in bytes. */
export function parseTurnsKept(text: string): number {
  const size = Number(text)
  if (!Number.isFinite(size) || size < 0 || size > SIZE_MIB_MAX || (size > 0 && size < SIZE_MIB_MIN))
    throw new UsageError('--turns-kept', text, `Expected 0, or ${SIZE_MIB_MIN} to ${SIZE_MIB_MAX} MiB.`)
  return size * MiB
}
