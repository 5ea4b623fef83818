/** How busy the machine is, from /proc/stat. */
import type { FactFiles } from '../host-facts/fact-files.ts'

/** Running totals of all CPUs, in ticks. */
export interface CpuTicks {
  readonly all: number
  readonly busy: number
  readonly steal: number
}

export interface CpuShares {
  readonly busy: number
  readonly steal: number
}

/** First line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal (proc(5)). Absent: not readable. */
export function readCpuTicks(files: FactFiles): CpuTicks | undefined {
  const line = /^cpu +(?<ticks>[\d ]+)$/m.exec(files.read('/proc/stat') ?? '')?.groups?.['ticks']
  const ticks = line?.trim().split(' ').map(Number)
  if (ticks === undefined || ticks.length < 8 || ticks.some((n) => !Number.isSafeInteger(n))) return undefined
  const [user, nice, system, idle, iowait, irq, softirq, steal] = ticks
  const busy = user + nice + system + irq + softirq
  return { all: busy + idle + iowait + steal, busy, steal }
}

/** Shares between two looks. Absent: one failed, or no tick passed between them. */
export function sharesBetween(before: CpuTicks | undefined, after: CpuTicks | undefined): CpuShares | undefined {
  if (before === undefined || after === undefined || after.all <= before.all) return undefined
  const all = after.all - before.all
  // Steal and busy may fall by a tick when a CPU goes offline.
  const share = (ticks: number) => Math.min(1, Math.max(0, ticks / all))
  return { busy: share(after.busy - before.busy), steal: share(after.steal - before.steal) }
}

/** Runnable tasks over the last minute. */
export function readLoad(files: FactFiles): number | undefined {
  const load = Number(/^(?<load>\d+\.\d+) /.exec(files.read('/proc/loadavg') ?? '')?.groups?.['load'] ?? Number.NaN)
  return Number.isFinite(load) ? load : undefined
}
