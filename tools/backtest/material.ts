/** What the benchmark runs on: five PlanetLab days, or where they are not at hand two small generated ones. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BacktestSetup, type BacktestRequest, prepareBacktest } from '../../src/apps/backtest/setup.ts'
import { DATA_SOURCES, dataFile, findDataFolder } from '../../src/drivers/traces/data-folder.ts'
import { planetlabDays } from '../../src/drivers/traces/planetlab.ts'
import { loadScenario } from '../../src/drivers/scenarios.ts'
import { generatedDay, TRACE_HOSTS } from './generated-day.ts'
import { PUBLISHED_DAYS } from './published.ts'

export interface Day {
  readonly name: string
  /** As `--trace` takes it. */
  readonly trace: string
  /** Where it lies. */
  readonly file: string
}

export interface Material {
  readonly isQuick: boolean
  /** The first is the one that goals are set for. */
  readonly days: readonly Day[]
  readonly seeds: readonly number[]
  /** Sizes of which the growth is measured, as `prepareBacktest` takes them. */
  readonly sizes: readonly BacktestRequest[]
  /** Whole processes measured of each policy. */
  readonly processRounds: number
  /** Processes measured of each size. */
  readonly sizeRounds: number
  /** Turns at the start of each run that are not measured: the code is not compiled yet, and what is looked back at not full. */
  readonly turnsSkipped: number
  /** Absent: all of the fleet. */
  readonly hostCount?: number
  readonly dataFolder?: string
  /** For what runs leave behind. */
  readonly folder: string
}

const QUICK = { days: 2, vms: 60, samples: 30, seeds: [1, 2] } as const
const SIZE_SCENARIOS = ['scale/vms-1052', 'scale/vms-2104', 'scale/vms-4208', 'scale/vms-8416'] as const

/** Opens what is there, hands it to `use`, and clears away what runs left behind. `tell` is told why it is the small form. */
export async function withMaterial<Result>(
  request: { readonly isQuick: boolean; readonly data?: string },
  tell: (why: string) => void,
  use: (material: Material) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-backtest-'))
  try {
    return await use(request.isQuick ? generated(folder) : (planetlab(folder, request.data, tell) ?? generated(folder)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A day with CloudSim's fleet and rules. */
export function prepareDay({ hostCount, dataFolder }: Material, day: Day, seed = 1): BacktestSetup {
  return prepareBacktest({
    trace: day.trace,
    hosts: 'cloudsim',
    seed,
    ...(hostCount === undefined ? {} : { hostCount }),
    ...(dataFolder === undefined ? {} : { dataFolder }),
  })
}

function planetlab(folder: string, data: string | undefined, tell: (why: string) => void): Material | undefined {
  const dataFolder = findDataFolder(data === undefined ? {} : { option: data })
  const atHand = planetlabDays(dataFolder)
  const missing = PUBLISHED_DAYS.filter((day) => !atHand.includes(day))
  if (dataFolder === undefined || missing.length > 0) {
    tell(`PlanetLab's ${missing.join(', ')} not found. ${DATA_SOURCES.planetlab}`)
    return undefined
  }
  return {
    isQuick: false,
    days: PUBLISHED_DAYS.map((name) => ({
      name,
      trace: `planetlab/${name}`,
      file: dataFile(dataFolder, `planetlab/${name}.csv.gz`, 'planetlab'),
    })),
    seeds: [1, 2, 3],
    sizes: SIZE_SCENARIOS.map((scenario) => sizeOf(scenario, dataFolder)),
    processRounds: 3,
    sizeRounds: 5,
    turnsSkipped: 72,
    dataFolder,
    folder,
  }
}

function sizeOf(name: string, dataFolder: string): BacktestRequest {
  const { trace, hosts, rules, seed, vms, hostCount } = loadScenario(name)
  return {
    trace,
    hosts,
    rules,
    seed,
    dataFolder,
    ...(vms === undefined ? {} : { vmCount: vms }),
    ...(hostCount === undefined ? {} : { hostCount }),
  }
}

function generated(folder: string): Material {
  const days = Array.from({ length: QUICK.days }, (_, i) => {
    const name = `generated-${i + 1}`
    const file = join(folder, `${name}.csv`)
    writeFileSync(file, generatedDay({ ...QUICK, seed: i + 1 }))
    return { name, trace: file, file }
  })
  const sizes = [1, 2].map((times) => ({
    trace: days[0].file,
    hosts: 'cloudsim',
    seed: 1,
    vmCount: QUICK.vms * times,
    hostCount: TRACE_HOSTS * times,
  }))
  return {
    isQuick: true,
    days,
    seeds: QUICK.seeds,
    sizes,
    processRounds: 1,
    sizeRounds: 1,
    turnsSkipped: 6,
    hostCount: TRACE_HOSTS,
    folder,
  }
}
