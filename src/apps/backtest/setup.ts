/** From what the command line asks to what will be run: trace, VMs, hosts, rules and policy, all read and checked before anything starts. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Fleet, HOSTS_MAX, loadFleet, resizeFleet } from '../../drivers/fleets.ts'
import { PROJECT_FOLDER } from '../../drivers/traces/data-folder.ts'
import { demandSeries } from '../../drivers/traces/demand-series.ts'
import { loadTrace } from '../../drivers/traces/load-trace.ts'
import { CLOUDSIM_RULES, HONEST_RULES, type SimulationRules } from '../../simulator/rules.ts'
import { ParseError, parseJson, parseNumber } from '../../terms/parse.ts'
import { type Policy, parsePolicy } from '../../terms/policy.ts'
import type { DemandSeries, Trace } from '../../terms/trace.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { UsageError } from '../usage-error.ts'

/** Fleet used where `--hosts` is not given and the trace is not CloudSim's own. */
export const FLEET_DEFAULT = 'virtualisation-2022-1tb'

export interface BacktestRequest {
  readonly trace: string
  readonly hosts?: string
  readonly hostCount?: number
  readonly rules?: string
  readonly vmsFile?: string
  readonly vmCount?: number
  readonly dataFolder?: string
  readonly isStrict?: boolean
  readonly policyFile?: string
  readonly seed: number
  readonly powerOnSec?: number
  readonly powerOffSec?: number
  /** As given with `--lives`: here only to refuse it where it would change nothing. */
  readonly lives?: string
}

export interface BacktestSetup {
  readonly trace: Trace
  readonly demand: DemandSeries
  readonly fleet: Fleet
  readonly rules: SimulationRules
  readonly policy: Policy
  readonly seed: number
}

/** Reads everything. Throws `ParseError` or `UsageError`, which say what to do. */
export function prepareBacktest(request: BacktestRequest): BacktestSetup {
  const hosts = request.hosts ?? (isPlanetlabDay(request.trace) ? 'cloudsim' : FLEET_DEFAULT)
  const isCloudsim = hosts === 'cloudsim'
  const rules = chooseRules(request, isCloudsim)
  const fleet = fleetOf(hosts, request.hostCount)
  const { trace, vms } = loadTrace({
    trace: request.trace,
    isCloudsim,
    isStrict: request.isStrict ?? false,
    seed: request.seed,
    ...(request.vmsFile === undefined ? {} : { vmsFile: request.vmsFile }),
    ...(request.vmCount === undefined ? {} : { vmCount: request.vmCount }),
    ...(request.dataFolder === undefined ? {} : { dataFolder: request.dataFolder }),
  })
  const policyFile = request.policyFile ?? policyPath(rules.name === 'cloudsim' ? 'benchmark' : 'production')
  return {
    trace,
    demand: demandSeries(trace, vms),
    fleet,
    rules,
    policy: readPolicyFile(policyFile),
    seed: request.seed,
  }
}

/** A fleet by name, with so many hosts of the same mix where that is asked for. Throws a `ParseError`. */
export function fleetOf(hosts: string, hostCount: number | undefined): Fleet {
  const fleet = loadFleet(hosts)
  if (hostCount === undefined) return fleet
  return resizeFleet(fleet, parseNumber(hostCount, '--host-count', { min: 1, max: HOSTS_MAX, integer: true }))
}

/** Not a file of somebody's that is called so. */
function isPlanetlabDay(trace: string): boolean {
  return /^planetlab(\/[^/]*)?$/.test(trace) && !/\.csv(\.gz)?$/.test(trace)
}

function chooseRules(request: BacktestRequest, isCloudsim: boolean): SimulationRules {
  const name = request.rules ?? (isCloudsim ? 'cloudsim' : 'honest')
  if (name === 'cloudsim') {
    refuseSwitchTimes(request)
    return CLOUDSIM_RULES
  }
  if (name !== 'honest') throw new UsageError('--rules', name, 'Expected cloudsim or honest.')
  if (request.lives !== undefined) {
    throw new UsageError(
      '--lives',
      request.lives,
      'It is about CloudSim’s rules; give --rules cloudsim, or leave it out.',
    )
  }
  return {
    ...HONEST_RULES,
    powerOnMs: request.powerOnSec === undefined ? HONEST_RULES.powerOnMs : request.powerOnSec * SECOND_MS,
    powerOffMs: request.powerOffSec === undefined ? HONEST_RULES.powerOffMs : request.powerOffSec * SECOND_MS,
  }
}

/** A setting that would change nothing is a misunderstanding, told before the run and not after. */
function refuseSwitchTimes({ powerOnSec, powerOffSec }: BacktestRequest): void {
  const remedy = 'CloudSim’s rules switch hosts at once and for free; give --rules honest, or leave it out.'
  if (powerOnSec !== undefined) throw new UsageError('--power-on', powerOnSec, remedy)
  if (powerOffSec !== undefined) throw new UsageError('--power-off', powerOffSec, remedy)
}

function policyPath(name: string): string {
  return join(PROJECT_FOLDER, 'scenarios', 'policies', `${name}.json`)
}

function readPolicyFile(path: string): Policy {
  const place = basename(path)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new ParseError(
      '--policy-file',
      path,
      'It can not be read. Check the path; scenarios/policies has two to start from.',
    )
  }
  return parsePolicy(parseJson(text, place), place)
}
