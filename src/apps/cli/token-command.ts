/** `ethos token`, `ethos agents`: who may join, and who has. What they do is loaded when it is asked for, as with the server. */
import type { Command } from 'commander'
import { DATA, type DataOption, JSON_OPTION, type ListOptions, STORE } from './data-options.ts'

const actions = () => import('./token-actions.ts')

export interface AuditOptions extends ListOptions {
  readonly last: string
}

export interface TokenOptions extends DataOption {
  readonly vm?: string
  readonly host?: string
  readonly minutes: string
}

export function addTokens(program: Command): void {
  const command = program.command('token').description('one-time tokens with which VMs and hosts join')
  command
    .command('create')
    .description('makes a token for one VM or one host and prints it: the only copy')
    .requiredOption(...DATA)
    .option(...STORE)
    .option('--vm <id>', 'the VM that it is for')
    .option('--host <id>', 'the host that it is for, which reports of itself and relays what its VMs tell')
    .option('--minutes <n>', 'how long it may be used', '10')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos token create --vm web-1 --data /var/lib/ethos\n' +
        '  ethos token create --host kvm-1 --data /var/lib/ethos',
    )
    .action(async (options: TokenOptions) => (await actions()).createForOne(options))
  command
    .command('list')
    .description('tokens that were made, and what became of them')
    .requiredOption(...DATA)
    .option(...STORE)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos token list --data /var/lib/ethos')
    .action(async (options: ListOptions) => (await actions()).listTokens(options))
  command
    .command('revoke')
    .description('makes a token worthless')
    .argument('<id>', 'its id: the 16 characters after ethos1')
    .requiredOption(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos token revoke 94ded51c36d53650 --data /var/lib/ethos')
    .action(async (id: string, options: DataOption) => (await actions()).revokeToken(id, options))
  addAgents(program)
  program
    .command('audit')
    .description('what was refused, and what operators did, the newest last')
    .requiredOption(...DATA)
    .option(...STORE)
    .option('--last <n>', 'how many', '50')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos audit --last 20 --data /var/lib/ethos')
    .action(async (options: AuditOptions) => (await actions()).listAudit(options))
}

function addAgents(program: Command): void {
  const command = program.command('agents').description('VMs that have joined: how they fare, and who is shut out')
  command
    .command('list')
    .description('all of them, what needs an operator first')
    .requiredOption(...DATA)
    .option(...STORE)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos agents list --json --data /var/lib/ethos')
    .action(async (options: ListOptions) => (await actions()).listAgents(options))
  command
    .command('ban')
    .description('shuts a VM out: its certificate and its tokens are worth nothing from now on')
    .argument('<vm>', 'the VM')
    .requiredOption(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos agents ban web-1 --data /var/lib/ethos')
    .action(async (vm: string, options: DataOption) => (await actions()).banOrRelease('ban', vm, options))
  command
    .command('release')
    .description('ends a VM’s quarantine or ban')
    .argument('<vm>', 'the VM')
    .requiredOption(...DATA)
    .option(...STORE)
    .addHelpText('after', '\nExample:\n  ethos agents release web-1 --data /var/lib/ethos')
    .action(async (vm: string, options: DataOption) => (await actions()).banOrRelease('release', vm, options))
}
