import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import {
  type Fields,
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
  refuseUnknownFields,
} from '../terms/parse.ts'
import { type Fleet, HOSTS_MAX, loadFleet, resizeFleet } from './fleets.ts'
import { VMS_MAX } from './traces/csv-values.ts'
import { PROJECT_FOLDER } from './traces/data-folder.ts'
import { type LoadedTrace, loadTrace } from './traces/load-trace.ts'
import { readTraceBytes } from './traces/trace-bytes.ts'

/** A run that is told as a file, so that its numbers can be had again: scenarios/*.json. */
export interface Scenario {
  readonly name: string
  /** What it is and how it was made up. */
  readonly comment: string
  readonly seed: number
  /** As `--trace` takes it. */
  readonly trace: string
  /** How many VMs; absent: as many as the trace has. More than it has are copies shifted in time: see `resampleTrace`. */
  readonly vms?: number
  /** As `--hosts` takes it. */
  readonly hosts: string
  /** The fleet's mix with another number of hosts. */
  readonly hostCount?: number
  /** `honest` or `cloudsim`: how the simulator reckons. */
  readonly rules: ScenarioRules
  /** Policies to compare, by name. */
  readonly policies: readonly string[]
}

export const SCENARIO_RULES = ['honest', 'cloudsim'] as const
export type ScenarioRules = (typeof SCENARIO_RULES)[number]

const FIELDS = ['name', 'comment', 'seed', 'trace', 'vms', 'hosts', 'hostCount', 'rules', 'policies']
const SCENARIO_FOLDER = join(PROJECT_FOLDER, 'scenarios')

/** A shipped scenario by its name (`azure-day`, `scale/vms-2104`) or a file of one's own that ends in `.json`. */
export function loadScenario(wanted: string): Scenario {
  const shipped = join(SCENARIO_FOLDER, `${wanted}.json`)
  const path = wanted.endsWith('.json') ? wanted : shipped
  const remedy = `Expected ${scenarioNames().join(', ')}, or the path of a .json file.`
  if (path === shipped && !existsSync(shipped)) throw new ParseError('scenario', wanted, remedy)
  const file = basename(path)
  return parseScenario(parseJson(new TextDecoder().decode(readTraceBytes(path, remedy)), file), file)
}

/** Names of the scenarios shipped. */
export function scenarioNames(): readonly string[] {
  return [...jsonNames(SCENARIO_FOLDER), ...jsonNames(join(SCENARIO_FOLDER, 'scale')).map((name) => `scale/${name}`)]
}

export function parseScenario(value: unknown, place: string): Scenario {
  const fields: Fields = parseFields(value, place)
  refuseUnknownFields(fields, FIELDS, place)
  const whole = (name: string, max: number, min = 1): number | undefined =>
    parseOptional(fields[name], (n) => parseNumber(n, `${place} ${name}`, { min, max, integer: true }))
  const vms = whole('vms', VMS_MAX)
  const hostCount = whole('hostCount', HOSTS_MAX)
  return {
    name: parseText(fields['name'], `${place} name`, 200),
    comment: parseText(fields['comment'] ?? '', `${place} comment`),
    seed: whole('seed', 2 ** 32 - 1, 0) ?? 1,
    trace: parseText(fields['trace'], `${place} trace`),
    ...(vms === undefined ? {} : { vms }),
    hosts: parseText(fields['hosts'], `${place} hosts`),
    ...(hostCount === undefined ? {} : { hostCount }),
    rules: parseWord(fields['rules'] ?? 'honest', `${place} rules`, SCENARIO_RULES),
    policies: parseList(fields['policies'] ?? [], `${place} policies`, 100).map((name, i) =>
      parseText(name, `${place} policies[${i}]`, 64),
    ),
  }
}

/** Reads all that a scenario names. Throws only `ParseError`. */
export function openScenario(
  scenario: Scenario,
  dataFolder?: string,
): { readonly loaded: LoadedTrace; readonly fleet: Fleet } {
  const fleet = loadFleet(scenario.hosts)
  const isCloudsim = scenario.hosts === 'cloudsim'
  const loaded = loadTrace({
    trace: scenario.trace,
    seed: scenario.seed,
    isCloudsim,
    ...(dataFolder === undefined ? {} : { dataFolder }),
    ...(scenario.vms === undefined ? {} : { vmCount: scenario.vms }),
  })
  return {
    loaded,
    fleet: scenario.hostCount === undefined ? fleet : resizeFleet(fleet, scenario.hostCount),
  }
}

function jsonNames(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -5))
    .sort()
}
