/** `ethos migration`: what moves will take. What it does is loaded when it is asked for. */
import type { Command } from 'commander'

const actions = () => import('./migration-actions.ts')

export interface MigrationPredictOptions {
  readonly in: string
  readonly out?: string
  readonly model?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  ethos migration predict --in moves.csv --out promised.csv
  ethos migration predict --in moves.csv --out -
  ethos migration predict --in moves.csv --json
  ethos migration predict --in traces/live-migrations/migrations.csv --json

The file has a line of column names and a line per move; docs/migration-cost.md says what each column is. Columns that
are not named there are not read. p_converge is the probability that the move is done within timeout_s: below 0.5, don't start it so.

Exit codes: 0 promised; 2 can't be done as asked: the message names line, column and reason.`

export function addMigration(program: Command): void {
  const command = program.command('migration').description('what live migrations will take')
  command
    .command('predict')
    .description('promises time, downtime, bytes and convergence of each move in a CSV, before it starts')
    .requiredOption('--in <file>', 'CSV of moves; - is standard input')
    .option('--out <file>', 'where the CSV with the promises goes; - is standard output', '-')
    .option('--model <file>', 'cost model of your own, as `npm run bench:migration -- --fit` writes it')
    .option('--json', 'JSON with ranges, instead of the CSV unless --out is given too')
    .addHelpText('after', EXAMPLES)
    .action(async (options: MigrationPredictOptions, self: Command) =>
      (await actions()).predictMoves(options, self.getOptionValueSource('out') === 'cli'),
    )
}
