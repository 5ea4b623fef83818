import type { Command } from 'commander'
import { describeTrace } from '../backtest/backtest.ts'
import { parsePolicyNames } from '../backtest/balancers.ts'
import { write, writeResults } from '../backtest/files.ts'
import { prepareBacktest } from '../backtest/setup.ts'
import { renderTable } from '../backtest/table.ts'
import { renderReport } from '../report/report.ts'
import { addRunOptions, parseLives, requestOf, type RunOptions, runWithProgress } from './backtest-command.ts'

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
  const setup = prepareBacktest(requestOf(options))
  process.stderr.write(`${describeTrace(setup)}\n`)
  const { run } = await runWithProgress(setup, { policies, lives: parseLives(options.lives, false), keepsDetail: true })
  if (options.json !== undefined) writeResults(options.json, run)
  write('--out', options.out, renderReport(run))
  process.stdout.write(`\n${renderTable(run)}\nReport: ${options.out}\n`)
}
