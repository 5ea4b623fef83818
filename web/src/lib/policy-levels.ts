/** Levels of automation in the words of docs/automation.md, and what it takes to get from one to another. */
import type { AutomationView } from '../../../src/apps/server/views/site.ts'
import type { SessionView } from '../../../src/apps/server/views/session.ts'

export type Level = AutomationView['level']

export interface LevelWords {
  readonly level: Level
  readonly turns: string
  readonly orders: string
  readonly moved: string
}

/** From the least to the most; each allows what the one before it does. */
export const LEVELS: readonly LevelWords[] = [
  { level: 'off', turns: 'none', orders: 'none', moved: 'nothing' },
  {
    level: 'shadow',
    turns: 'yes',
    orders: 'recorded, and listed as proposals that nobody can approve',
    moved: 'nothing',
  },
  {
    level: 'advisory',
    turns: 'yes',
    orders: 'the same: it says that people are meant to look at them',
    moved: 'nothing',
  },
  {
    level: 'partial',
    turns: 'yes',
    orders: 'proposals',
    moved: 'what a person approved, one by one; hosts that a person wants emptied',
  },
  {
    level: 'full',
    turns: 'yes',
    orders: 'carried out, or proposed where they may not be',
    moved: 'also what the policy decides',
  },
]

/** What is asked for. */
export interface Wish {
  readonly level: Level
  readonly isPaused: boolean
}

export function rankOf(level: Level): number {
  return LEVELS.findIndex((one) => one.level === level)
}

/** What comes of a level: paused, nothing does. */
function allowed({ level, isPaused }: Wish): number {
  return isPaused ? 0 : rankOf(level)
}

/** Whether more is allowed than was: that needs the role admin, and the token once more. */
export function isRaise(before: Wish, after: Wish): boolean {
  return allowed(after) > allowed(before) || rankOf(after.level) > rankOf(before.level)
}

export function movesVms(level: Level): boolean {
  return level === 'partial' || level === 'full'
}

/** Whether the level has to be typed once more: VMs are then moved that were not before. */
export function needsConfirm(before: Wish, after: Wish): boolean {
  return isRaise(before, after) && movesVms(after.level)
}

/** Whether the token has to be shown again. @param now by the clock that sessions end by, ms since 1970 */
export function needsToken(session: Pick<SessionView, 'confirmedUntil'> | undefined, now: number): boolean {
  return session?.confirmedUntil === undefined || session.confirmedUntil <= now
}

/** Whether somebody stopped all automation since this was asked: sent now, it would end a pause that it was never meant for. */
export function isStoppedSince(
  asked: Wish,
  { before, after }: { readonly before: Wish; readonly after: Wish },
): boolean {
  return !asked.isPaused && before.isPaused && !after.isPaused
}

/** What will happen, a sentence each. */
export function consequences(before: Wish, after: Wish): readonly string[] {
  const told: string[] = []
  const words = LEVELS[rankOf(after.level)]
  if (before.level !== after.level && words !== undefined)
    told.push(`At ${after.level} turns are ${words.turns === 'yes' ? 'taken' : 'not taken'}. Orders: ${words.orders}.`)
  if (after.isPaused && !before.isPaused)
    told.push('Nothing is begun any more. Moves under way go on and are followed.')
  if (before.isPaused && !after.isPaused) told.push('The pause ends.')
  if (!after.isPaused && words !== undefined) told.push(`What is moved: ${words.moved}.`)
  if (after.isPaused && before.isPaused && before.level !== after.level)
    told.push('It stays paused: until that is ended, nothing is begun.')
  if (after.level === 'full' && isRaise(before, after))
    told.push('VMs are moved without anybody being asked, within budgets and windows.')
  return told
}

/** Why it can't be sent yet; undefined: it can. */
export function lackingFor(
  { before, after }: { readonly before: Wish; readonly after: Wish },
  given: {
    readonly confirm: string
    readonly token: string
    readonly isTokenNeeded: boolean
    readonly isAdmin: boolean
  },
): string | undefined {
  if (!isRaise(before, after)) return undefined
  if (!given.isAdmin) return 'To raise automation needs the role admin.'
  if (needsConfirm(before, after) && given.confirm.trim() !== after.level)
    return `Type ${after.level} to say that you mean it.`
  return given.isTokenNeeded && given.token.trim() === '' ? 'Show your token once more.' : undefined
}
