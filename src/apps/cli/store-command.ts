/** `ethos store`: what the server keeps, looked at, copied, carried over. What it does is loaded when it is asked for, as with the server. */
import type { Command } from 'commander'
import { DATA, type DataOption, JSON_OPTION, type ListOptions, STORE } from './data-options.ts'

const actions = () => import('./store-actions.ts')

export interface MigrateOptions extends ListOptions {
  readonly to?: string
}

export function addStore(program: Command): void {
  const command = program
    .command('store')
    .description('what the server keeps: whether it is whole, a copy of it, its schema, its size')
    .addHelpText(
      'after',
      '\nEnds with 0 if all is well, with 1 if something is damaged, with 2 if it could not be done.\n' +
        '\nExample:\n  ethos store check --data /var/lib/ethos',
    )
  command
    .command('check')
    .description('looks at everything that is kept; changes nothing; beside a server that runs or without one')
    .option(...DATA)
    .option(...STORE)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos store check --data /var/lib/ethos || echo damaged')
    .action(async (options: ListOptions) => (await actions()).check(options))
  command
    .command('backup')
    .description('copies it as it is now, while a server writes; the copy is its owner’s alone')
    .argument('<file>', 'where to; no file of that name may be there')
    .option(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos store backup /backup/ethos-monday.sqlite --data /var/lib/ethos')
    .action(async (file: string, options: DataOption) => (await actions()).backup(file, options))
  command
    .command('migrate')
    .description('brings its schema to this version’s, or back to an older one’s; no server may run with it')
    .option(...DATA)
    .option(...STORE)
    .option('--to <version>', 'the schema, if it is not the newest')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos store migrate --to 0 --data /var/lib/ethos')
    .action(async (options: MigrateOptions) => (await actions()).migrate(options))
  command
    .command('size')
    .description('what takes how much')
    .option(...DATA)
    .option(...STORE)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos store size --data /var/lib/ethos')
    .action(async (options: ListOptions) => (await actions()).size(options))
}
