/** `ethos ledger`: promised against realised, and what was not done. What it does is loaded when it is asked for. */
import { type Command, Option } from 'commander'
import { VERDICTS } from '../server/views/ledger-words.ts'
import type { AskOptions } from './api-client.ts'
import { asking } from './asking.ts'

export interface LedgerOptions extends AskOptions {
  readonly moves?: boolean
  readonly stays?: boolean
  readonly verdict?: string
  readonly limit: string
  readonly before?: string
}

export function addLedger(program: Command): void {
  asking(program.command('ledger'))
    .description('what came of what was decided, over a day and a week: gain, cost, regret, what was not done, trust')
    .option('--moves', 'each move: promised against realised')
    .option('--stays', 'what was not done, and whether that was right')
    .addOption(new Option('--verdict <verdict>', 'with --stays: those alone').choices(VERDICTS))
    .option('--limit <n>', 'with --moves or --stays: how many, up to 100', '20')
    .option('--before <next>', 'with --moves or --stays: go on where an answer ended')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos ledger\n  ethos ledger --moves\n  ethos ledger --stays --verdict wrong\nWhat the words mean: docs/ledger.md.',
    )
    .action(async (options: LedgerOptions) => (await import('./ledger-actions.ts')).ledger(options))
}
