/** Watches agents for an hour, minute by minute, and judges what they used: test 1 of reliability. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures } from '../long-test.ts'
import { useOf } from './process-use.ts'

/** One minute of one agent. */
export interface MinuteOfUse {
  /** Of one vCPU, over this minute; what its children used is in it. */
  readonly cpuShare: number
  readonly residentBytes: number
  readonly anonymousBytes: number
  readonly openFiles: number
}

export interface HourJudgement {
  readonly cpuShareMean: number
  readonly cpuShareP95: number
  readonly residentBytesMax: number
  /** Medians of the last five minutes over those of the five up to the tenth, less one. */
  readonly residentGrowth: number
  readonly anonymousGrowth: number
  readonly openFilesMax: number
}

/** What reliability asks for. */
export const HOUR_BOUNDS = {
  cpuShareP95: 0.01,
  residentBytesMax: 64 * 2 ** 20,
  residentGrowth: 0.05,
  openFilesMax: 200,
} as const

const SETTLED_FROM = 5
const SETTLED_TO = 10
const LAST = 5

/** Reads every process once a minute, for so many minutes. `minuteMs` is shorter in tests of this file. */
export async function watchMinutes(
  pids: readonly number[],
  { minutes, minuteMs = 60_000 }: { readonly minutes: number; readonly minuteMs?: number },
): Promise<readonly (readonly MinuteOfUse[])[]> {
  const all = pids.map((): MinuteOfUse[] => [])
  let before = pids.map(useOf)
  let beforeMs = performance.now()
  const startMs = beforeMs
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(Math.max(0, startMs + minute * minuteMs - performance.now()))
    const after = pids.map(useOf)
    const afterMs = performance.now()
    after.forEach(({ cpuMs, childrenCpuMs, residentBytes, anonymousBytes, openFiles }, i) => {
      const usedMs = cpuMs + childrenCpuMs - before[i].cpuMs - before[i].childrenCpuMs
      all[i].push({ cpuShare: usedMs / (afterMs - beforeMs), residentBytes, anonymousBytes, openFiles })
    })
    before = after
    beforeMs = afterMs
  }
  return all
}

/** Wants ten minutes at least. */
export function judgeHour(minutes: readonly MinuteOfUse[]): HourJudgement {
  const shares = minutes.map(({ cpuShare }) => cpuShare).toSorted((a, b) => a - b)
  const growth = (of: (minute: MinuteOfUse) => number): number =>
    median(minutes.slice(-LAST).map(of)) / median(minutes.slice(SETTLED_FROM, SETTLED_TO).map(of)) - 1
  return {
    cpuShareMean: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    cpuShareP95: shares[Math.ceil(shares.length * 0.95) - 1],
    residentBytesMax: Math.max(...minutes.map(({ residentBytes }) => residentBytes)),
    residentGrowth: growth(({ residentBytes }) => residentBytes),
    anonymousGrowth: growth(({ anonymousBytes }) => anonymousBytes),
    openFilesMax: Math.max(...minutes.map(({ openFiles }) => openFiles)),
  }
}

/** What is beyond its bound, as sentences. */
export function beyondBounds(name: string, judgement: HourJudgement): readonly string[] {
  return (Object.keys(HOUR_BOUNDS) as (keyof typeof HOUR_BOUNDS)[])
    .filter((key) => !(judgement[key] <= HOUR_BOUNDS[key]))
    .map((key) => `${name}: ${key} is ${judgement[key]}, at most ${HOUR_BOUNDS[key]} is allowed`)
}

/** A judgement as figures to keep: percent and MiB with as many digits as mean something. */
export function hourFigures(prefix: string, judgement: HourJudgement): Figures {
  const { cpuShareMean, cpuShareP95, residentBytesMax, residentGrowth, anonymousGrowth, openFilesMax } = judgement
  return {
    [`${prefix}CpuPercentMean`]: rounded(cpuShareMean * 100),
    [`${prefix}CpuPercentP95`]: rounded(cpuShareP95 * 100),
    [`${prefix}ResidentMiBMax`]: rounded(residentBytesMax / 2 ** 20),
    [`${prefix}ResidentGrowthPercent`]: rounded(residentGrowth * 100),
    [`${prefix}AnonymousGrowthPercent`]: rounded(anonymousGrowth * 100),
    [`${prefix}OpenFilesMax`]: openFilesMax,
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}
