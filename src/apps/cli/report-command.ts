import type { Command } from 'commander'
import { describeTrace } from '../backtest/backtest.ts'
import { parsePolicyNames } from '../backtest/balancers.ts'
import { writeResults } from '../backtest/files.ts'
import { prepareBacktest } from '../backtest/setup.ts'
import { renderTable } from '../backtest/table.ts'
import { checkOutputs, writeOutput } from '../output-files.ts'
import { printable } from '../printable.ts'
import { renderReport } from '../report/report.ts'
import {
  addRunOptions,
  inputsOf,
  parseLives,
  requestOf,
  type RunOptions,
  runWithProgress,
  tellUnplaced,
} from './backtest-command.ts'

interface ReportOptions extends RunOptions {
  readonly out: string
  readonly json?: string
}

const EXAMPLES = `
Examples:
  ethos report --trace azure --policy ethos,lr-mmt,proxmox-crs,oracle-24h --out azure.html
  ethos report --trace my-cluster.csv --hosts my-fleet.json`

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description('The same run as one self-contained HTML page: heat map, forecast band, moves, scoreboard.')
  addRunOptions(command)
    .option('--out <file>', 'where to write the page', 'ethos-report.html')
    .option('--json <file>', 'write the scoreboard as JSON too')
    .addHelpText('after', EXAMPLES)
    .action(report)
}

export async function report(options: ReportOptions): Promise<void> {
  const policies = parsePolicyNames(options.policy)
  const lives = parseLives(options.lives, false)
  const { out, json } = options
  checkOutputs(
    [{ option: '--out', path: out }, ...(json === undefined ? [] : [{ option: '--json', path: json }])],
    inputsOf(options),
  )
  const setup = prepareBacktest(requestOf(options))
  process.stderr.write(printable(`${describeTrace(setup)}\n`))
  const { run, unplaced } = await runWithProgress(setup, { policies, lives, keepsDetail: true })
  process.stdout.write(printable(`\n${renderTable(run)}`))
  if (json !== undefined) writeResults(json, run)
  writeOutput('--out', out, renderReport(run))
  process.stdout.write(`\nReport: ${out}\n`)
  tellUnplaced(unplaced)
}
