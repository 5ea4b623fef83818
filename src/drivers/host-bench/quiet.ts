/** Whether others were using the machine: what they took, our numbers lack. */
import { setTimeout as wait } from 'node:timers/promises'
import type { QuietCheck } from '../../terms/host-measurement.ts'
import type { FactFiles } from '../host-facts/fact-files.ts'
import { type CpuTicks, readCpuTicks, readLoad, sharesBetween } from './cpu-time.ts'

/** How busy the machine was while nothing of ours ran. */
export interface Look {
  readonly busy?: number
  readonly load?: number
}

const LOOK_MS = 300
/** A look counts to one tick of 10 ms in 300 ms of each core; daemons of an idle server stay below a twentieth. */
const BUSY_MAX = 0.05
/** A hundredth of the time stolen moves a benchmark by as much, which is the spread of a quiet machine. */
const STEAL_MAX = 0.01

export async function lookAround(files: FactFiles): Promise<Look> {
  const load = readLoad(files)
  const before = readCpuTicks(files)
  await wait(LOOK_MS)
  const busy = sharesBetween(before, readCpuTicks(files))?.busy
  return { ...(busy === undefined ? {} : { busy }), ...(load === undefined ? {} : { load }) }
}

/** @param looks the first before all benchmarks, the others between them
 *  @param whole of the suite, for the time that was stolen */
export function concludeQuiet(
  looks: readonly Look[],
  whole: { readonly before: CpuTicks | undefined; readonly after: CpuTicks | undefined },
  threads: number,
): QuietCheck {
  const [first = {}, ...others] = looks
  const between = others.flatMap(({ busy }) => (busy === undefined ? [] : [busy]))
  const busyBetweenMax = between.length === 0 ? undefined : Math.max(...between)
  const stealShare = sharesBetween(whole.before, whole.after)?.steal
  const loadPerCore = first.load === undefined ? undefined : first.load / threads
  const complaints = [
    ...complain('busy before it', first.busy, BUSY_MAX),
    ...complain('busy between benchmarks', busyBetweenMax, BUSY_MAX),
    ...complain('of CPU time stolen by the hypervisor for others', stealShare, STEAL_MAX),
  ]
  const isReadable = first.busy !== undefined
  return {
    isQuiet: complaints.length === 0 && isReadable,
    ...(first.busy === undefined ? {} : { busyBefore: first.busy }),
    ...(loadPerCore === undefined ? {} : { loadPerCore }),
    ...(stealShare === undefined ? {} : { stealShare }),
    ...(busyBetweenMax === undefined ? {} : { busyBetweenMax }),
    explanation: !isReadable
      ? 'nobody knows whether the machine was quiet: /proc/stat could not be read'
      : complaints.length === 0
        ? 'the machine was quiet'
        : `the machine was not quiet: ${complaints.join(', ')}; the benchmarks had to share it, and all results are too low`,
  }
}

function complain(what: string, share: number | undefined, most: number): readonly string[] {
  return share === undefined || share <= most ? [] : [`${Math.round(share * 100)} % ${what}`]
}
