/** `ethos moves reject` and `ethos moves postpone`: a person's no, or not yet, to a proposal. */
import type { Command } from 'commander'
import type { AskOptions } from './api-client.ts'
import { asking } from './asking.ts'

const actions = () => import('./objection-actions.ts')

export interface RejectOptions extends AskOptions {
  readonly reason?: string
  readonly undo?: boolean
}

export interface PostponeOptions extends RejectOptions {
  readonly until?: string
  readonly for?: string
}

const REJECT_EXAMPLES = `
Examples:
  ethos moves reject ethos-812-0 --reason "its nightly batch runs"
  ethos moves reject ethos-812-0 --undo`

const POSTPONE_EXAMPLES = `
Examples:
  ethos moves postpone ethos-812-0 --for 2h
  ethos moves postpone ethos-812-0 --until 2026-11-28T22:00Z --reason "after the release"
  ethos moves postpone ethos-812-0 --undo`

/** Below `ethos moves`. */
export function addObjections(moves: Command): void {
  asking(moves.command('reject'))
    .description('says no to a proposal: the policy leaves its VM where it is for a day')
    .argument('<id>', 'of the proposal, as `ethos moves` lists it')
    .option('--reason <text>', 'for people, and the audit')
    .option('--undo', 'takes it back')
    .addHelpText('after', REJECT_EXAMPLES)
    .action(async (id: string, _options: unknown, self: Command) =>
      (await actions()).reject(id, self.optsWithGlobals<RejectOptions>()),
    )
  asking(moves.command('postpone'))
    .description(
      'says not yet: until then the policy leaves the VM where it is, and proposes the move again if it is right',
    )
    .argument('<id>', 'of the proposal, as `ethos moves` lists it')
    .option('--until <instant>', 'such as 2026-11-28T22:00Z; within seven days')
    .option('--for <span>', 'such as 90m, 2h or 1d, in place of an instant')
    .option('--reason <text>', 'for people, and the audit')
    .option('--undo', 'takes it back')
    .addHelpText('after', POSTPONE_EXAMPLES)
    .action(async (id: string, _options: unknown, self: Command) =>
      (await actions()).postpone(id, self.optsWithGlobals<PostponeOptions>()),
    )
}
