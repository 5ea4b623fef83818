/** Commands about moves: what is under way, what is proposed, and what people want of VMs and hosts. */
import type { Command } from 'commander'
import type { AskOptions } from './api-client.ts'
import { asking } from './asking.ts'
import { addObjections } from './objection-commands.ts'

const actions = () => import('./moves-actions.ts')

export interface OptOutOptions extends AskOptions {
  readonly reason?: string
  readonly force?: boolean
}

export interface MaintenanceOptions extends AskOptions {
  readonly reason?: string
  readonly force?: boolean
}

export interface MovesOptions extends AskOptions {
  readonly ledger?: boolean
}

export interface AcceptOptions extends AskOptions {
  readonly list?: boolean
  readonly reason?: string
  readonly undo?: boolean
}

export interface VouchOptions extends AskOptions {
  readonly isOff?: boolean
}

export function addMoves(program: Command): void {
  addList(program)
  addTimes(program)
  addLibvirt(program)
}

const LIST_EXAMPLES = `
Examples:
  ethos moves
  ethos moves --ledger
  ethos moves approve ethos-812-0
  ethos moves reject ethos-812-0 --reason "its nightly batch runs"
  ethos moves cancel web-1
  ethos moves vouch kvm-3 --is-off`

function addList(program: Command): void {
  const command = asking(program.command('moves'))
    .description('moves: under way and ended, with what was promised and what came; proposals; hosts that are emptied')
    .option('--ledger', 'how good promises were, and what each pair of hosts has taught')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (options: MovesOptions) => (await actions()).moves(options))
  addAccept(command)
  asking(command.command('approve'))
    .description('carries a proposal out, if it is still right')
    .argument('<id>', 'of the proposal, as `ethos moves` lists it')
    .addHelpText('after', '\nExample:\n  ethos moves approve ethos-812-0')
    .action(async (id: string, _options: unknown, self: Command) =>
      (await actions()).approve(id, self.optsWithGlobals<AskOptions>()),
    )
  addObjections(command)
  asking(command.command('explain'))
    .description('one move: cause, what else there was, bounds, budgets, promise, each step, and what came')
    .argument('<id>', 'of the move or the proposal')
    .addHelpText('after', '\nExample:\n  ethos moves explain ethos-812-0')
    .action(async (id: string, _options: unknown, self: Command) =>
      (await import('./moves-explain.ts')).explainMove(id, self.optsWithGlobals<AskOptions>()),
    )
  asking(command.command('cancel'))
    .description('asks that a migration under way end where it began')
    .argument('<vm>', 'the VM')
    .addHelpText('after', '\nExample:\n  ethos moves cancel web-1')
    .action(async (vm: string, _options: unknown, self: Command) =>
      (await actions()).cancel(vm, self.optsWithGlobals<AskOptions>()),
    )
  asking(command.command('vouch'))
    .description('says that a host which does not answer is off for good, for moves that wait for it (admin)')
    .argument('<host>', 'the host')
    .option('--is-off', 'you have made sure: it is off, and will not come back by itself')
    .addHelpText('after', '\nExample:\n  ethos moves vouch kvm-3 --is-off')
    .action(async (host: string, _options: unknown, self: Command) =>
      (await actions()).vouch(host, self.optsWithGlobals<VouchOptions>()),
    )
}

const ACCEPT_EXAMPLES = `
Examples:
  ethos moves accept-warning --list
  ethos moves accept-warning "web-1 has its memory in huge pages; how many are free on kvm-2 is not asked." \\
    --reason "there are enough"`

function addAccept(moves: Command): void {
  asking(moves.command('accept-warning'))
    .description('accepts what a preflight warns of, so that it holds the policy no more (admin)')
    .argument('[warning]', 'in its own words, as the proposal that it holds tells them')
    .option('--list', 'those that are accepted')
    .option('--reason <text>', 'for people, and the audit')
    .option('--undo', 'takes it back')
    .addHelpText('after', ACCEPT_EXAMPLES)
    .action(async (warning: string | undefined, _options: unknown, self: Command) =>
      (await actions()).acceptWarning(warning, self.optsWithGlobals<AcceptOptions>()),
    )
}

/** Of one VM: below `ethos vms`. */
export function addOptOut(vms: Command): void {
  asking(vms.command('opt-out'))
    .description('a VM that is never moved by us, whoever asks')
    .argument('<vm>', 'the VM')
    .argument(
      '<on-or-off>',
      'on: it is left alone; off: it may be moved again; preview: what that would have made of the last day',
    )
    .option('--reason <text>', 'for people, and the audit')
    .option('--force', 'also where another rule wants it moved')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos vms opt-out web-1 preview\n  ethos vms opt-out web-1 on --reason "licence is bound to kvm-2"\n  ethos vms opt-out web-1 off',
    )
    .action(async (vm: string, word: string, _options: unknown, self: Command) =>
      (await actions()).optOut({ vm, word }, self.optsWithGlobals<OptOutOptions>()),
    )
}

/** Of one host: below `ethos hosts`. */
export function addMaintenance(hosts: Command): void {
  asking(hosts.command('maintenance'))
    .description('a host that takes no VM any more, and whose VMs are moved away at the levels partial and full')
    .argument('<host>', 'the host')
    .argument('<on-or-off>', 'on: it is emptied; off: it may have VMs again; preview: what it would take to empty it')
    .option('--reason <text>', 'for people, and the audit')
    .option('--force', 'blackouts do not hold it up, nor rules that keep VMs from leaving it')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos hosts maintenance kvm-2 preview\n  ethos hosts maintenance kvm-2 on --reason "new disks"\n  ethos hosts maintenance kvm-2 off',
    )
    .action(async (host: string, word: string, _options: unknown, self: Command) =>
      (await actions()).maintenance({ host, word }, self.optsWithGlobals<MaintenanceOptions>()),
    )
}

function addTimes(program: Command): void {
  const command = asking(program.command('move-times'))
    .description('when moves may begin: windows for the policy, blackouts for everybody')
    .addHelpText('after', '\nExamples:\n  ethos move-times --json > times.json\n  ethos move-times set times.json')
    .action(async (options: AskOptions) => (await actions()).moveTimes(options))
  asking(command.command('set'))
    .description('sets them')
    .argument('<file>', 'as JSON: timeZone, windows, blackouts')
    .addHelpText('after', '\nExample:\n  ethos move-times set times.json')
    .action(async (file: string, _options: unknown, self: Command) =>
      (await actions()).setMoveTimes(file, self.optsWithGlobals<AskOptions>()),
    )
}

function addLibvirt(program: Command): void {
  const command = asking(program.command('libvirt'))
    .description('the libvirts between which VMs may be moved (admin)')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos libvirt --json > libvirt.json\n  ethos libvirt set libvirt.json\n  ethos libvirt check libvirt.json',
    )
    .action(async (options: AskOptions) => (await actions()).libvirt(options))
  asking(command.command('check'))
    .description('asks each of them from here: whether it answers, what it is, whose VMs its CPU can take')
    .argument('[file]', 'as for set; without it, those that the server has (admin)')
    .addHelpText(
      'after',
      '\nExamples:\n  ethos libvirt check libvirt.json\n  ethos libvirt check --json\n' +
        'Ends with 1 where a host can not be asked, or would not take VMs of another.',
    )
    .action(async (file: string | undefined, _options: unknown, self: Command) =>
      (await import('./libvirt-check.ts')).checkLibvirt(file, self.optsWithGlobals<AskOptions>()),
    )
  asking(command.command('set'))
    .description('sets them')
    .argument('<file>', 'as JSON: {"hosts":[{"id":"kvm-1","uri":"qemu+tls://kvm-1/system"}]}')
    .addHelpText('after', '\nExample:\n  ethos libvirt set libvirt.json')
    .action(async (file: string, _options: unknown, self: Command) =>
      (await actions()).setLibvirt(file, self.optsWithGlobals<AskOptions>()),
    )
}
