/** Commands by which operators tell a running server what to do. */
import type { Command } from 'commander'
import type { AskOptions } from './api-client.ts'
import { addMaintenance, addMoves } from './moves-command.ts'
import { asking } from './asking.ts'
import type { ListOptions } from './site-command.ts'

const actions = () => import('./manage-actions.ts')

export interface AddHostOptions extends AskOptions {
  readonly hostId?: string
}

export interface CorrectOptions extends AskOptions {
  readonly set: readonly string[]
  readonly file?: string
}

export interface EnrollOptions extends AskOptions {
  readonly host?: boolean
  readonly minutes: string
}

export interface NewTokenOptions extends AskOptions {
  readonly role: string
  readonly name: string
  readonly days?: string
}

export interface AutomationOptions extends AskOptions {
  readonly level?: string
  readonly confirm?: string
  readonly pause?: boolean
  readonly resume?: boolean
  /** Absent: stays as it is. */
  readonly trustGuests?: boolean
  readonly reason?: string
}

export interface PolicyPreviewOptions extends AskOptions {
  readonly level?: string
  readonly times?: string
  readonly span?: string
}

export interface DoctorOptions extends AskOptions {
  readonly data?: string
}

export function addManaged(program: Command): void {
  addHosts(program)
  addPolicy(program)
  addAutomation(program)
  addMoves(program)
  addApiTokens(program)
  asking(program.command('enroll'))
    .description('makes a one-time token with which a VM joins, or with --host a host that reports')
    .argument('<name>', 'the VM or host that it is for')
    .option('--host', 'it is a host')
    .option('--minutes <n>', 'how long the token may be used', '10')
    .addHelpText('after', '\nExamples:\n  ethos enroll web-1\n  ethos enroll kvm-1 --host')
    .action(async (name: string, options: EnrollOptions) => (await actions()).enroll(name, options))
  asking(program.command('doctor'))
    .description(
      'looks at everything that can be wrong between you, the server, its hosts and its VMs, and says what to do',
    )
    .option('--data <folder>', 'looks at the store in a data folder of this machine as well')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos doctor\n  ethos doctor --data /var/lib/ethos\nEnds with 1 where something is wrong.',
    )
    .action(async (options: DoctorOptions) => (await import('./doctor.ts')).doctor(options))
}

function addHosts(program: Command): void {
  const command = asking(program.command('hosts'))
    .description('hosts: their load now, expected and sold, what moves, and one in full')
    .argument('[host]', 'one of them, in full')
    .option('--names', 'names alone, one a line')
    .addHelpText('after', '\nExamples:\n  ethos hosts\n  ethos hosts kvm-1\n  ethos hosts add kvm-1.json')
    .action(async (host: string | undefined, options: ListOptions) => {
      const { hosts } = await import('./site-actions.ts')
      await hosts(host, options)
    })
  addMaintenance(command)
  asking(command.command('add'))
    .description('registers a host by what `ethos bench host --out FILE` measured on it, or measures it anew')
    .argument('<file>', 'the measurement')
    .option('--host-id <id>', 'its name, if the measurement is to count for another')
    .addHelpText('after', '\nExample:\n  ethos hosts add kvm-1.json')
    .action(async (file: string, _options: unknown, self: Command) =>
      (await actions()).addHost(file, self.optsWithGlobals<AddHostOptions>()),
    )
  asking(command.command('correct'))
    .description('says what counts instead of what was measured')
    .argument('<host>', 'the host')
    .option('--set <field=value...>', 'such as storageType=nvme or pricePerHour=0.4', [])
    .option('--file <file>', 'or all corrections as JSON; {} takes them back')
    .addHelpText('after', '\nExamples:\n  ethos hosts correct kvm-1 --set storageType=nvme pricePerHour=0.4')
    .action(async (host: string, _options: unknown, self: Command) =>
      (await actions()).correctHost(host, self.optsWithGlobals<CorrectOptions>()),
    )
  asking(command.command('remove'))
    .description('takes a host off the list (admin); nothing happens to the machine')
    .argument('<host>', 'the host')
    .addHelpText('after', '\nExample:\n  ethos hosts remove kvm-9')
    .action(async (host: string, _options: unknown, self: Command) =>
      (await actions()).removeHost(host, self.optsWithGlobals<AskOptions>()),
    )
}

function addPolicy(program: Command): void {
  const command = asking(program.command('policy'))
    .description('the policy that stands: prices, horizon, thresholds, gates, limits')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos policy --json > policy.json\n  ethos policy preview policy.json\n  ethos policy set policy.json\n  ethos policy history',
    )
    .action(async (options: AskOptions) => (await actions()).showPolicy(options))
  asking(command.command('set'))
    .description('sets the policy, unless somebody else has set another since it was looked at')
    .argument('<file>', 'the policy as JSON: what is left out keeps its default')
    .addHelpText('after', '\nExample:\n  ethos policy set policy.json')
    .action(async (file: string, _options: unknown, self: Command) =>
      (await actions()).setPolicy(file, self.optsWithGlobals<AskOptions>()),
    )
  asking(command.command('preview'))
    .description('what another policy, level or other move times would have made of the last day; nothing is changed')
    .argument('[file]', 'the policy as JSON, as for `set`. Without it: the one that stands')
    .option('--level <level>', 'the automation level: off, shadow, advisory, partial or full')
    .option('--times <file>', 'move times as JSON, as for `ethos move-times set`')
    .option('--span <time>', 'how much of the past: 60m to 24h (the default)')
    .addHelpText(
      'after',
      '\nIt ends with 1 where rules can not all be kept, or the past can not be replayed.' +
        '\n\nExamples:\n  ethos policy preview policy.json\n  ethos policy preview --level full --span 6h' +
        '\n  ethos policy preview policy.json --json | jq .result.proposed',
    )
    .action(async (file: string | undefined, _options: unknown, self: Command) =>
      (await import('./policy-preview.ts')).previewPolicy(file, self.optsWithGlobals<PolicyPreviewOptions>()),
    )
  asking(command.command('history'))
    .description('policies that stood before, the newest first')
    .addHelpText('after', '\nExample:\n  ethos policy history')
    .action(async (_options: unknown, self: Command) =>
      (await actions()).policyHistory(self.optsWithGlobals<AskOptions>()),
    )
}

function addAutomation(program: Command): void {
  const command = asking(program.command('automation'))
    .description('how much happens by itself: off, shadow, advisory, partial, full; and pausing it')
    .option('--level <level>', 'off, shadow, advisory, partial or full (raising it needs an admin)')
    .option('--confirm <level>', 'the level once more, where VMs are then moved that were not before')
    .option('--pause', 'turns are taken and nothing begins')
    .option('--resume', 'it goes on')
    .option('--trust-guests', 'what guests say of their work weighs in orders too (admin)')
    .option('--no-trust-guests', 'it weighs in rankings alone, which is the default')
    .option('--reason <text>', 'for the audit')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos automation\n  ethos automation pause --reason "switch maintenance"\n  ethos automation --level partial --confirm partial',
    )
    .action(async (options: AutomationOptions) => (await actions()).automation(options))
  asking(command.command('pause'))
    .description('the kill switch: once it answers, no move begins any more; what is under way goes on')
    .addHelpText('after', '\nExample:\n  ethos automation pause --reason "switch maintenance"')
    .action(async (_options: unknown, self: Command) =>
      (await actions()).automation({ ...self.optsWithGlobals<AutomationOptions>(), pause: true }),
    )
}

function addApiTokens(program: Command): void {
  const command = asking(program.command('tokens'))
    .description('API tokens of people and programs (admin)')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos tokens\n  ethos tokens create --role viewer --name grafana\n  ethos tokens revoke 94ded51c36d53650',
    )
    .action(async (options: AskOptions) => (await actions()).listApiTokens(options))
  asking(command.command('create'))
    .description('makes a token and prints it: the only copy')
    .requiredOption('--role <role>', 'viewer, operator or admin')
    .requiredOption('--name <name>', 'who or what it is for')
    .option('--days <n>', 'when it ends by itself; without it, never')
    .addHelpText('after', '\nExample:\n  ethos tokens create --role viewer --name grafana --days 365')
    .action(async (_options: unknown, self: Command) =>
      (await actions()).createApiToken(self.optsWithGlobals<NewTokenOptions>()),
    )
  asking(command.command('revoke'))
    .description('makes a token worthless')
    .argument('<id>', 'its id: the 16 characters after ethos_')
    .addHelpText('after', '\nExample:\n  ethos tokens revoke 94ded51c36d53650')
    .action(async (id: string, _options: unknown, self: Command) =>
      (await actions()).revokeApiToken(id, self.optsWithGlobals<AskOptions>()),
    )
}
