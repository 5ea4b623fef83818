/** What a process and its threads used, as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessUse {
  /** Of all its threads, in ms: the scheduler's nanoseconds, not ticks. */
  readonly cpuMs: number
  /** Of children that it waited for, in ms, by ticks of 10 ms. */
  readonly childrenCpuMs: number
  readonly residentBytes: number
  /** Private memory that no file backs: what the process really adds to the machine. */
  readonly anonymousBytes: number
  readonly privateBytes: number
  readonly openFiles: number
}

const TICK_MS = 10

/** Reads one process. Throws when it is gone. */
export function useOf(pid: number): ProcessUse {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  let cpuNs = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    cpuNs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0])
  }
  return {
    cpuMs: cpuNs / 1e6,
    childrenCpuMs: (Number(fields[13]) + Number(fields[14])) * TICK_MS,
    residentBytes: kilobytes(status, 'VmRSS:'),
    anonymousBytes: kilobytes(status, 'RssAnon:'),
    privateBytes: kilobytes(rollup, 'Private_Clean:') + kilobytes(rollup, 'Private_Dirty:'),
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** Processes there are now. */
export function countProcesses(): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length
}

function kilobytes(text: string, name: string): number {
  const from = text.indexOf(name)
  return from < 0 ? 0 : Number.parseInt(text.slice(from + name.length), 10) * 1024
}
