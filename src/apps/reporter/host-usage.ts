/** What the host itself does: busy cores and used memory, all of its work included. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EpochMs, KiB } from '../../terms/units.ts'

/** One look at /proc. */
export interface HostLook {
  readonly at: EpochMs
  /** Time that all CPUs together were busy, and idle, in ticks since the start. Absent: it can't be read. */
  readonly busyTicks?: number
  readonly idleTicks?: number
  readonly cpus: number
  readonly memoryUsedBytes?: number
}

/** @param procFolder `/proc`, or a recorded one */
export function lookAtHost(procFolder: string, at: EpochMs): HostLook {
  const lines = readText(join(procFolder, 'stat'))?.split('\n') ?? []
  const cpus = lines.filter((line) => /^cpu\d+ /.test(line)).length
  const ticks =
    lines
      .find((line) => line.startsWith('cpu '))
      ?.trim()
      .split(/\s+/)
      .slice(1)
      .map(Number) ?? []
  // user nice system idle iowait irq softirq steal; guest time is part of user's (proc_stat(5)).
  const idle = (ticks[3] ?? Number.NaN) + (ticks[4] ?? Number.NaN)
  const busy = [0, 1, 2, 5, 6].reduce((sum, i) => sum + (ticks[i] ?? Number.NaN), 0)
  const memory = memoryUsed(readText(join(procFolder, 'meminfo')))
  return {
    at,
    cpus,
    ...(Number.isFinite(busy) && Number.isFinite(idle) ? { busyTicks: busy, idleTicks: idle } : {}),
    ...(memory === undefined ? {} : { memoryUsedBytes: memory }),
  }
}

/** What tells one boot of a machine from all others, shortened; undefined where it can't be read.
 *  @param procFolder `/proc`, or a recorded one */
export function readBoot(procFolder: string): string | undefined {
  const boot = readText(join(procFolder, 'sys/kernel/random/boot_id'))?.trim()
  return boot === undefined || boot === '' ? undefined : createHash('sha256').update(boot).digest('hex').slice(0, 16)
}

/** Cores kept busy between two looks; undefined where that can't be told. */
export function busyCores(was: HostLook, is: HostLook): number | undefined {
  const busy = (is.busyTicks ?? Number.NaN) - (was.busyTicks ?? Number.NaN)
  const idle = (is.idleTicks ?? Number.NaN) - (was.idleTicks ?? Number.NaN)
  const all = busy + idle
  return all > 0 && busy >= 0 && idle >= 0 ? (is.cpus * busy) / all : undefined
}

function memoryUsed(text: string | undefined): number | undefined {
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text ?? '')?.[1])
  const used = (kib('MemTotal') - kib('MemAvailable')) * KiB
  return used >= 0 ? used : undefined
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
