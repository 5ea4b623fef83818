import { type Command, InvalidArgumentError } from 'commander'
import type { Store } from '../../world/store.ts'
import { type Backtest, describeTrace, LIVES, type Lives, runBacktest } from '../backtest/backtest.ts'
import { parsePolicyNames } from '../backtest/balancers.ts'
import { POLICIES_DEFAULT, POLICY_NAMES, type PolicyName } from '../backtest/policy-names.ts'
import { explainAt, parseQuestion } from '../backtest/explain.ts'
import { writeInitial, writeMoves, writeResults } from '../backtest/files.ts'
import { livesAreCloudsims } from '../backtest/run-policy.ts'
import { type BacktestRequest, type BacktestSetup, FLEET_DEFAULT, prepareBacktest } from '../backtest/setup.ts'
import { renderTable } from '../backtest/table.ts'
import { beginJournal, checkOutputs, type OutputFile, STANDARD_OUTPUT } from '../output-files.ts'
import { printable } from '../printable.ts'
import { Progress } from '../progress.ts'
import { isForOperators, UsageError } from '../usage-error.ts'

/** What commander hands over: the options of `backtest` and `report`. */
export interface RunOptions {
  readonly trace: string
  readonly hosts?: string
  readonly hostCount?: number
  readonly rules?: string
  readonly policy: string
  readonly policyFile?: string
  readonly vms?: string
  readonly vmCount?: number
  readonly data?: string
  readonly strict?: boolean
  readonly seed: number
  readonly powerOn?: number
  readonly powerOff?: number
  readonly lives?: string
}

interface BacktestCommandOptions extends RunOptions {
  readonly json?: string
  readonly initial?: string
  readonly moves?: string
  readonly record?: string
  readonly explain?: string
}

const EXAMPLES = `
Examples:
  ethos backtest --trace azure                                    a real Azure day on a modern fleet
  ethos backtest --trace planetlab/20110303 --policy ethos,lr-mmt,oracle-24h
  ethos backtest --trace my-cluster.csv --vms sizes.csv --hosts my-fleet.json --policy ethos,proxmox-crs
  ethos backtest --trace planetlab/20110303 --policy ethos --initial initial.csv --moves moves.csv --json result.json
  ethos backtest --trace my-cluster.csv --explain web-3@14:05     why it moved or stayed
  ethos backtest --trace my-cluster.csv --json - | jq '.results[0].energyKwh'

A trace file has one row per VM (name, then a percentage of its CPU per 300 s), or the header
vm,second,cpu_percent[,memory_percent,disk_read_kBps,disk_write_kBps,net_rx_kBps,net_tx_kBps]. docs/traces.md tells all.`

export function addBacktest(program: Command): void {
  const command = program
    .command('backtest')
    .description('Replay a recorded cluster under several policies and compare what they did.')
  addRunOptions(command)
    .option(
      '--json <file>',
      'write the scoreboard as JSON; - for standard output (the table then goes to standard error)',
    )
    .option('--initial <file>', 'write the first placement as CSV (exactly one policy)')
    .option('--moves <file>', 'write every move as CSV (exactly one policy)')
    .option(
      '--record <file>',
      'write the journal: every turn, its events and orders (exactly one policy); FILE.unfinished until the run is over',
    )
    .option('--explain <vm@time>', 'say why a VM moved or stayed; time as HH:MM or seconds')
    .addHelpText('after', EXAMPLES)
    .action(backtest)
}

/** Options that say what to run, the same for `backtest` and `report`. */
export function addRunOptions(command: Command): Command {
  return command
    .requiredOption(
      '--trace <name>',
      'planetlab/YYYYMMDD, azure[/DAY], azure-max[/DAY], bitbrains[/DAY], or a .csv or .csv.gz file',
    )
    .option(
      '--hosts <fleet>',
      `cloudsim, a fleet of scenarios/fleets, SERVER=COUNT,..., or a fleet file (default: cloudsim for planetlab, else ${FLEET_DEFAULT})`,
    )
    .option('--host-count <n>', 'the same mix of servers with this many hosts', parseCount)
    .option('--rules <rules>', 'cloudsim or honest (default: cloudsim with --hosts cloudsim, else honest)')
    .option('--policy <names>', `policies to compare, or all: ${POLICY_NAMES.join(', ')}`, POLICIES_DEFAULT.join(','))
    .option(
      '--policy-file <file>',
      'prices, gates and limits (default: scenarios/policies/benchmark.json with --rules cloudsim, else production.json)',
    )
    .option('--vms <file>', 'sizes of the VMs as CSV: vm,cpu_cores,memory_mb')
    .option('--vm-count <n>', 'how many VMs to take where the trace lets one choose', parseCount)
    .option('--data <dir>', 'folder with planetlab/ and bitbrains_rnd_2013_08/ (default: ETHOS_DATA, else ./data)')
    .option('--strict', 'refuse values above 100 %')
    .option('--seed <n>', 'seed of all luck', parseSeed, 1)
    .option('--power-on <seconds>', 'honest rules: time and full watts to start a host (default: 120)', parseSeconds)
    .option('--power-off <seconds>', 'honest rules: time and full watts to stop a host (default: 30)', parseSeconds)
    .option(
      '--lives <how>',
      `cloudsim rules: ${LIVES.join(', ')}; auto runs CloudSim’s own policies as CloudSim does, all others on the whole trace`,
    )
}

export function requestOf(options: RunOptions): BacktestRequest {
  const { hosts, hostCount, rules, policyFile, vms, vmCount, data, strict, powerOn, powerOff, lives } = options
  return {
    trace: options.trace,
    seed: options.seed,
    ...(hosts === undefined ? {} : { hosts }),
    ...(hostCount === undefined ? {} : { hostCount }),
    ...(rules === undefined ? {} : { rules }),
    ...(policyFile === undefined ? {} : { policyFile }),
    ...(vms === undefined ? {} : { vmsFile: vms }),
    ...(vmCount === undefined ? {} : { vmCount }),
    ...(data === undefined ? {} : { dataFolder: data }),
    ...(strict === undefined ? {} : { isStrict: strict }),
    ...(powerOn === undefined ? {} : { powerOnSec: powerOn }),
    ...(powerOff === undefined ? {} : { powerOffSec: powerOff }),
    ...(lives === undefined ? {} : { lives }),
  }
}

async function backtest(options: BacktestCommandOptions): Promise<void> {
  const policies = parsePolicyNames(options.policy)
  checkCombination(options, policies)
  const lives = parseLives(options.lives, options.initial !== undefined || options.moves !== undefined)
  checkOutputs(outputsOf(options), inputsOf(options))
  const setup = prepareBacktest(requestOf(options))
  process.stderr.write(printable(`${describeTrace(setup)}\n`))
  if (options.explain !== undefined) return explain(setup, options.explain)
  if (options.lives === undefined && lives === 'trace' && livesAreCloudsims(policies[0], setup.rules.name, 'auto')) {
    process.stderr.write(
      `With --initial or --moves, ${policies[0]} carries every VM to the end of the trace, so that its figures can be recomputed.\n`,
    )
  }

  const { run, runs, unplaced } = await runAndRecord(setup, { policies, lives, keepsDetail: false }, options.record)
  const table = options.json === STANDARD_OUTPUT ? process.stderr : process.stdout
  table.write(printable(`\n${renderTable(run)}`))
  if (options.initial !== undefined) writeInitial(options.initial, runs[0])
  if (options.moves !== undefined) writeMoves(options.moves, runs[0])
  if (options.json !== undefined) writeResults(options.json, run)
  tellUnplaced(unplaced)
}

/** After all that could be shown and written: what could not be run, and code 2. */
export function tellUnplaced(unplaced: Backtest['unplaced']): void {
  for (const { error } of unplaced) process.stderr.write(printable(`ethos: ${error.message}\n`))
  if (unplaced.length > 0) process.exitCode = 2
}

/** Options of which one says what the other can't do. */
function checkCombination(options: BacktestCommandOptions, policies: readonly PolicyName[]): void {
  const single = (['initial', 'moves', 'record'] as const).find((name) => options[name] !== undefined)
  if (single !== undefined && policies.length !== 1)
    throw new UsageError(`--${single}`, options.policy, 'It is written for exactly one policy; give one with --policy.')
  if (options.explain === undefined) return
  if (!policies.includes('ethos'))
    throw new UsageError('--explain', options.policy, 'Only ethos explains itself; leave --policy out.')
  const [output] = outputsOf(options)
  if (output !== undefined)
    throw new UsageError(output.option, output.path, 'With --explain nothing is written; ask for one of the two.')
}

function outputsOf({ json, initial, moves, record }: BacktestCommandOptions): readonly OutputFile[] {
  const outputs = [
    { option: '--json', path: json, mayBeStandardOutput: true },
    { option: '--initial', path: initial },
    { option: '--moves', path: moves },
    { option: '--record', path: record },
  ]
  return outputs.flatMap(({ path, ...output }) => (path === undefined ? [] : [{ ...output, path }]))
}

/** Files that a run reads, where its options name files. */
export function inputsOf({ trace, hosts, vms, policyFile }: RunOptions): readonly (string | undefined)[] {
  return [trace, hosts, vms, policyFile]
}

async function explain(setup: BacktestSetup, text: string): Promise<void> {
  const question = parseQuestion(text, setup)
  const progress = new Progress(setup.demand.steps)
  try {
    const answer = await explainAt(setup, question, () => progress.step('ethos'))
    progress.stop()
    process.stdout.write(printable(`${answer}\n`))
  } finally {
    progress.stop()
  }
}

/** A journal of what could not be run is of no use; that of a crash is kept unfinished, for it shows how far it came. */
async function runAndRecord(
  setup: BacktestSetup,
  options: { policies: readonly PolicyName[]; lives: Lives; keepsDetail: boolean },
  record: string | undefined,
): Promise<Backtest> {
  if (record === undefined) return runWithProgress(setup, options)
  const journal = await beginJournal('--record', record)
  try {
    const backtest = await runWithProgress(setup, { ...options, store: journal.store })
    await journal.finish()
    return backtest
  } catch (error) {
    if (isForOperators(error)) await journal.discard()
    throw error
  }
}

export async function runWithProgress(
  setup: BacktestSetup,
  options: { policies: readonly PolicyName[]; lives: Lives; keepsDetail: boolean; store?: Store },
): Promise<Backtest> {
  const progress = new Progress(options.policies.length * setup.demand.steps)
  try {
    return await runBacktest(setup, { ...options, onStep: (policy) => progress.step(policy) })
  } finally {
    progress.stop()
  }
}

/** Lists of moves are there to be recomputed from the trace as it is, so with them every VM lives as long as the trace says. */
export function parseLives(text: string | undefined, isRecomputed: boolean): Lives {
  if (text === undefined) return isRecomputed ? 'trace' : 'auto'
  const known = LIVES.find((lives) => lives === text)
  if (known === undefined) throw new UsageError('--lives', text, `Expected one of: ${LIVES.join(', ')}.`)
  return known
}

function parseCount(text: string): number {
  const count = parseWhole(text)
  if (count === undefined || count < 1) throw new InvalidArgumentError('Expected a whole number from 1.')
  return count
}

function parseSeed(text: string): number {
  const seed = parseWhole(text)
  if (seed === undefined || seed > 0xffffffff)
    throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.')
  return seed
}

function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Infinity
  if (seconds > 86_400) throw new InvalidArgumentError('Expected seconds from 0 to 86400.')
  return seconds
}

/** Digits only: `Number` would take an empty word for 0. */
function parseWhole(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Infinity
  return Number.isSafeInteger(number) ? number : undefined
}
