/** Measures one host from beginning to end: facts, benchmarks, power, and what follows. Leaves nothing behind. */
import { lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { WorkloadType } from '../../terms/host.ts'
import {
  type BenchmarkRun,
  HOST_FACT_NAMES,
  HOST_MEASUREMENT_SCHEMA,
  type HostConclusion,
  type HostFact,
  type HostMeasurement,
  type MissingMeasure,
  type PowerMeasurement,
} from '../../terms/host-measurement.ts'
import type { HostId } from '../../terms/ids.ts'
import type { Clock } from '../../world/clock.ts'
import type { FactFiles } from '../host-facts/fact-files.ts'
import { type HostFacts, readHostFacts } from '../host-facts/host-facts.ts'
import { concludePower, measureSteps, POWER_LOADS, type PowerResult, powerStepMs } from '../host-power/measure-power.ts'
import { findMeter, type WattMeter } from '../host-power/watts.ts'
import { BenchmarkError } from './benchmark-error.ts'
import type { BenchmarkPlace } from './benchmarks.ts'
import { closeDiskPlace, isRunning, openDiskPlace } from './disk-place.ts'
import { missingOf, type Plan, planSuite, type SuiteName } from './plan.ts'
import { concludeCoreSpeed, concludeScores } from './reference.ts'
import { runSuite, type SuiteResult } from './run-suite.ts'
import { findProgram, findTools, type FoundTools } from './tools.ts'

export interface MeasureOptions {
  readonly suite: SuiteName
  readonly hostId: HostId
  readonly files: FactFiles
  readonly clock: Clock
  readonly stop: AbortSignal
  /** What the operator says; wins over what was read. */
  readonly corrections: HostConclusion
  /** Where disks are tested. */
  readonly folder?: string
  /** The other end of the network test, with `iperf3 -s` on it. Absent: loopback. */
  readonly peer?: { readonly name: string; readonly port: number }
  readonly only?: readonly WorkloadType[]
  /** A file or program that tells watts. */
  readonly wattsFrom?: string
  /** Folders with the tools, as in PATH. */
  readonly searchPath?: string
  readonly onPlan?: (plan: MeasurePlan) => void
  readonly onStep?: (label: string, ms: number) => void
}

export interface MeasurePlan extends Plan {
  readonly meter?: WattMeter
  /** Power included. */
  readonly wholeMs: number
  readonly steps: number
}

const POWER_SPAN_MS = { quick: 500, whole: 1500 } as const
const SCRATCH_NAME = /^ethos-bench-(?<pid>\d{1,10})-\w{6}$/

/** Rejects only where nothing can be measured at all: no folder for scratch files. */
export async function measureHost(options: MeasureOptions): Promise<HostMeasurement> {
  const measuredAt = options.clock.now()
  const startMs = performance.now()
  const scratch = openScratch()
  try {
    const tools = await findTools(options.stop, options.searchPath)
    const facts = readHostFacts(options.files, realFolder(options.folder))
    const threads = facts.threads ?? availableParallelism()
    const plan = await makePlan(options, tools)
    options.onPlan?.(plan)
    const { place, plan: possible } = await makePlace(options, plan, tools, { scratch, threads, facts })
    try {
      const result = await runSuite({ ...options, plan: possible, place, tools })
      const power = await measurePower(options, plan, tools, { scratch, threads, facts })
      return conclude(options, {
        measuredAt,
        durationMs: Math.round(performance.now() - startMs),
        facts,
        result,
        power,
      })
    } finally {
      if (place.disk !== undefined) closeDiskPlace(place.disk)
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function makePlan(
  { suite, only, folder, stop, files, wattsFrom, searchPath }: MeasureOptions,
  tools: FoundTools,
) {
  const plan = planSuite({ suite, tools, hasDisk: folder !== undefined, ...(only === undefined ? {} : { only }) })
  const ipmitoolPath = findProgram('ipmitool', searchPath)
  const meter = await findMeter({
    files,
    wait,
    stop,
    nowMs: () => performance.now(),
    ...(wattsFrom === undefined ? {} : { wattsFrom }),
    ...(ipmitoolPath === undefined ? {} : { ipmitoolPath }),
  })
  const usable = tools['stress-ng'] === undefined ? undefined : meter
  const powerMs = usable === undefined ? 0 : POWER_LOADS.length * powerStepMs(POWER_SPAN_MS[suite])
  const runs = plan.phases.reduce((sum, { benchmarks }) => sum + benchmarks.length * plan.repetitions, 0)
  const steps = runs + (usable === undefined ? 0 : POWER_LOADS.length)
  return { ...plan, wholeMs: plan.ms + powerMs, steps, ...(usable === undefined ? {} : { meter: usable }) }
}

interface PlaceParts {
  readonly scratch: string
  readonly threads: number
  readonly facts: HostFacts
}

/** Where the benchmarks run. A disk that can't be used leaves its benchmarks out; the others go on. */
async function makePlace(
  options: MeasureOptions,
  plan: Plan,
  tools: FoundTools,
  { scratch, threads, facts }: PlaceParts,
) {
  const { folder, peer, stop } = options
  const base: BenchmarkPlace = {
    threads,
    scratch,
    network: peer === undefined ? { peer: '127.0.0.1', port: 0, isLoopback: true } : toPeer(peer),
    ...(facts.lastCacheBytes === undefined ? {} : { lastCacheBytes: facts.lastCacheBytes }),
    ...(facts.host.memoryBytes === undefined ? {} : { memoryBytes: facts.host.memoryBytes }),
  }
  const needsDisk = plan.phases.some(({ benchmarks }) => benchmarks.some(({ needs }) => needs === 'disk'))
  if (folder === undefined || tools.fio === undefined || !needsDisk) return { place: base, plan }
  try {
    if (facts.isInMemory) throw new BenchmarkError('no-place', 'fio', `${folder} lies in memory, not on a disk.`)
    return { place: { ...base, disk: await openDiskPlace(folder, tools.fio.path, stop) }, plan }
  } catch (error) {
    if (!(error instanceof BenchmarkError)) throw error
    return { place: base, plan: withoutDisk(plan, error) }
  }
}

function toPeer({ name, port }: { readonly name: string; readonly port: number }) {
  return { peer: name, port, isLoopback: false }
}

function withoutDisk(plan: Plan, error: BenchmarkError): Plan {
  const lost = new Map(
    plan.phases.flatMap(({ benchmarks }) => benchmarks.filter(({ needs }) => needs === 'disk').map((b) => [b.name, b])),
  )
  const remedy = 'name another folder by --disk, with room for 512 MiB, in which you may write'
  const missing = [...lost.values()].map((benchmark) => missingOf(benchmark, error.code, error.message, remedy))
  const phases = plan.phases.map((phase) => ({
    ...phase,
    benchmarks: phase.benchmarks.filter(({ needs }) => needs !== 'disk'),
  }))
  return { ...plan, phases, missing: [...plan.missing, ...missing] }
}

async function measurePower(options: MeasureOptions, plan: MeasurePlan, tools: FoundTools, parts: PlaceParts) {
  const { facts, scratch, threads } = parts
  const { meter } = plan
  const stressNgPath = tools['stress-ng']?.path
  const { cpuType = 'an unnamed CPU', cores } = { ...facts.host, ...options.corrections }
  const question =
    cores === undefined
      ? undefined
      : { cpuType, sockets: Math.max(1, facts.sockets), cores, isVirtualised: facts.isVirtualised }
  if (meter === undefined || stressNgPath === undefined) return concludePower(undefined, question)
  const run = { meter, stressNgPath, threads, scratch, spanMs: POWER_SPAN_MS[plan.suite], stop: options.stop }
  const onStep = options.onStep === undefined ? {} : { onStep: options.onStep }
  return concludePower({ meter, steps: await measureSteps({ ...run, ...onStep }, wait) }, question)
}

const BY_HAND: PowerMeasurement = { powerSource: 'operator', explanation: 'set by hand', steps: [] }

interface Found {
  readonly measuredAt: number
  readonly durationMs: number
  readonly facts: HostFacts
  readonly result: SuiteResult
  readonly power: PowerResult
}

function conclude({ hostId, suite, corrections, stop }: MeasureOptions, found: Found): HostMeasurement {
  const { facts, result, power } = found
  const storage = storageByMeasure(facts, result.runs)
  const cores = corrections.cores ?? facts.host.cores
  const coreSpeed = cores === undefined ? undefined : concludeCoreSpeed(result.runs, cores)
  const host: HostConclusion = {
    ...facts.host,
    ...(storage === undefined ? {} : { storageType: storage.storageType }),
    ...(coreSpeed === undefined ? {} : { refCoresPerCore: coreSpeed }),
    ...(power.curve === undefined ? {} : { powerWatts: power.curve }),
    benchmarks: concludeScores(result.runs),
    ...corrections,
  }
  const said = HOST_FACT_NAMES.flatMap((name): readonly HostFact[] => {
    const value: unknown = corrections[name as keyof HostConclusion]
    return typeof value === 'string' || typeof value === 'number' ? [{ name, value, source: 'operator' }] : []
  })
  return {
    schema: HOST_MEASUREMENT_SCHEMA,
    hostId,
    measuredAt: found.measuredAt,
    durationMs: found.durationMs,
    suite,
    interrupted: result.interrupted || stop.aborted,
    host,
    facts: [...facts.facts, ...(storage === undefined ? [] : [storage.fact]), ...said],
    runs: result.runs,
    missing: [...result.missing, ...missingFacts(facts, host)],
    power: corrections.powerWatts === undefined ? power.power : BY_HAND,
    quiet: result.quiet,
  }
}

/** A disk that turns once in 4 ms answers at most some 500 random reads a second, whatever its queue; one that answers 2,000 does not turn. */
const IOPS_OF_NO_DISK = 2000

function storageByMeasure(facts: HostFacts, runs: readonly BenchmarkRun[]) {
  if (facts.host.storageType !== undefined) return undefined
  const reads = runs.filter(({ benchmark, loadStep }) => benchmark.startsWith('disk-random-read') && loadStep === 0)
  const best = reads.toSorted((a, b) => b.median - a.median)[0]
  if (best === undefined || best.median < IOPS_OF_NO_DISK || (best.note?.includes('page cache') ?? false))
    return undefined
  const source = `measured: ${Math.round(best.median)} random reads/s`
  return { storageType: 'ssd' as const, fact: { name: 'storageType' as const, value: 'ssd', source } }
}

const FACT_COST: Readonly<Record<string, string>> = {
  cores: 'the host can’t be ranked until it is set',
  memoryBytes: 'the host can’t be ranked until it is set',
  storageType: 'the host can’t be ranked until it is set',
  networkBytesPerSec: 'the host can’t be ranked until it is set: how long a migration takes is not known',
}
const EXAMPLES: Readonly<Record<string, string>> = {
  cores: '--set cores=32',
  memoryBytes: '--set memoryBytes=137438953472',
  storageType: '--set storageType=nvme',
  networkBytesPerSec: '--set networkBytesPerSec=1250000000 (10 Gbit/s)',
}

function missingFacts(facts: HostFacts, host: HostConclusion): readonly MissingMeasure[] {
  return facts.doubts
    .filter(({ what }) => host[what as keyof HostConclusion] === undefined)
    .map(({ what, why }) => ({
      what,
      reason: 'not-readable',
      detail: why,
      cost: FACT_COST[what] ?? 'it counts as unknown',
      remedy: EXAMPLES[what] ?? `--set ${what}=`,
    }))
}

function realFolder(folder: string | undefined): string {
  try {
    return realpathSync(folder ?? '/')
  } catch {
    return folder ?? '/'
  }
}

/** A folder of our own that nobody else can name in advance; those of suites that were killed are removed. */
function openScratch(): string {
  for (const name of readdirSync(tmpdir())) {
    const pid = SCRATCH_NAME.exec(name)?.groups?.['pid']
    const path = join(tmpdir(), name)
    if (pid !== undefined && !isRunning(Number(pid)) && isOurs(path)) rmSync(path, { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `ethos-bench-${process.pid}-`))
}

function isOurs(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.uid === process.getuid?.()
}
