/** `ethos phases`: which phase model agents use. What it does is loaded when it is asked for, as with the server. */
import type { Command } from 'commander'
import { DATA, type DataOption, JSON_OPTION, type ListOptions, STORE } from './data-options.ts'

const actions = () => import('./phases-actions.ts')

export function addPhases(program: Command): void {
  const command = program.command('phases').description('phase models: by which numbers agents tell what VMs are doing')
  command
    .command('install')
    .description('takes a model in, as `node tools/fit-phases.ts --out FILE` writes it; agents use it from then on')
    .argument('<file>', 'the model, in JSON')
    .requiredOption(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos phases install phases-2.json --data /var/lib/ethos')
    .action(async (file: string, options: DataOption) => (await actions()).install(file, options))
  command
    .command('list')
    .description('which there are, and which is in use')
    .requiredOption(...DATA)
    .option(...STORE)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos phases list --data /var/lib/ethos')
    .action(async (options: ListOptions) => (await actions()).list(options))
  command
    .command('use')
    .description('goes back to a model, or forward to it')
    .argument('<version>', 'its version; 1 comes with the program')
    .requiredOption(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos phases use 1 --data /var/lib/ethos')
    .action(async (version: string, options: DataOption) => (await actions()).use(version, options))
}
