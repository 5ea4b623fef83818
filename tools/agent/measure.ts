/** Measures processes that run side by side over the same span. */
import { setTimeout as sleep } from 'node:timers/promises'
import { countProcesses, type ProcessUse, useOf } from './process-use.ts'
import { measureRounds, type ProbeRounds } from './probe-rounds.ts'
import type { Subjects } from './subjects.ts'

export interface MeasuredRow {
  readonly name: string
  readonly cpuShare: number
  readonly childrenShare: number
  readonly residentBytes: number
  readonly anonymousBytes: number
  readonly privateBytes: number
  readonly openFiles: number
  /** Resident memory at each tenth of the span. */
  readonly residentSeries: readonly number[]
}

export interface Measured {
  readonly processes: number
  readonly rows: readonly MeasuredRow[]
  /** What the probe helper of each agent used in the same span; empty where nothing may be attached. */
  readonly probes: readonly ProbeRounds[]
  readonly notes: readonly string[]
}

const PARTS = 10

export interface MeasureWanted {
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Rounds of the probe helper within the span, at its period. */
  readonly probeRounds: number
}

/** Lets all warm up, then reads what each used over the span. */
export async function measureAgents(
  subjects: Subjects,
  { seconds, warmUpSeconds, probeRounds }: MeasureWanted,
): Promise<Measured> {
  await sleep(warmUpSeconds * 1000)
  const startedMs = performance.now()
  const before = subjects.list.map(({ pid }) => useOf(pid))
  const rounds = probeRounds > 0 ? measureRounds(subjects.agents, probeRounds) : Promise.resolve([])
  // Awaited at the end; what it rejects with is not lost, nor nobody's until then.
  rounds.catch(() => undefined)
  const series = subjects.list.map((): number[] => [])
  let after = before
  for (let part = 1; part <= PARTS; part++) {
    const untilMs = startedMs + (seconds * 1000 * part) / PARTS
    await sleep(Math.max(0, untilMs - performance.now()))
    after = subjects.list.map(({ pid }) => useOf(pid))
    after.forEach((use, i) => void series[i].push(use.residentBytes))
  }
  const spanMs = performance.now() - startedMs
  const probes = await rounds
  return {
    processes: countProcesses(),
    rows: subjects.list.map(({ name }, i) =>
      rowOf(name, { before: before[i], after: after[i], spanMs, series: series[i] }),
    ),
    probes,
    notes: await subjects.notes(),
  }
}

interface Span {
  readonly before: ProcessUse
  readonly after: ProcessUse
  readonly spanMs: number
  readonly series: readonly number[]
}

function rowOf(name: string, { before, after, spanMs, series }: Span): MeasuredRow {
  return {
    name,
    cpuShare: (after.cpuMs - before.cpuMs) / spanMs,
    childrenShare: (after.childrenCpuMs - before.childrenCpuMs) / spanMs,
    residentBytes: after.residentBytes,
    anonymousBytes: after.anonymousBytes,
    privateBytes: after.privateBytes,
    openFiles: after.openFiles,
    residentSeries: series,
  }
}
