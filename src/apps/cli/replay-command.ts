/** `ethos replay`: turns judged once more. What it does is loaded when it is asked for. */
import type { Command } from 'commander'
import { JSON_OPTION, STORE } from './data-options.ts'

const actions = () => import('./replay-actions.ts')

export interface ReplayOptions {
  readonly data?: string
  readonly store?: string
  readonly move?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  ethos replay --data /var/lib/ethos
  ethos replay --data /var/lib/ethos --move ethos-812-0
  ethos replay turns-20261128T100000Z-4711.zst

A server keeps what its last turns were judged on in DATA/turns (\`ethos serve --turns-kept\`). Each is judged once more, with neither a store nor a
clock, and must give the line of the journal that it gave, byte for byte. With --data or --store the lines are set against the journal too.

Exit codes: 0 all came out the same; 1 one did not, a file is damaged, or none was there; 2 can't be done as asked.`

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description(
      'judges turns of a server once more, from what they were judged on, and compares the decisions to the byte',
    )
    .argument('[files...]', 'files of turns; without any, those in the data folder')
    .option('--data <folder>', 'the server’s data folder; beside a server that runs or without one')
    .option(...STORE)
    .option('--move <id>', 'only the turn that made this order')
    .option(...JSON_OPTION)
    .addHelpText('after', EXAMPLES)
    .action(async (files: readonly string[], options: ReplayOptions) => (await actions()).replay(files, options))
}
