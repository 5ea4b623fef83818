/** Whether a move may begin now: by its cause, the level of automation, the times and what people want of VMs and hosts (invariant 14). Pure. */
import type { MigrationIntent } from '../../terms/intent.ts'
import type { EpochMs } from '../../terms/units.ts'
import { blackoutAt, outsideWindows } from './move-times.ts'
import { isMoving, type SiteSettings } from './site-settings.ts'

/** What is asked of: who moves what from where to where, and why. */
export type AskedMove = Pick<MigrationIntent, 'cause'> & {
  readonly order: Pick<MigrationIntent['order'], 'vmId' | 'from' | 'to'>
}

/** Why it may not; undefined: it may. Levels below `partial` and a pause allow nothing, whatever the cause. */
export function whyNotStart(
  { cause, order: { vmId, from, to } }: AskedMove,
  settings: SiteSettings,
  at: EpochMs,
): string | undefined {
  const { automation, moveTimes, optOuts, maintenances, problems } = settings
  if (problems.length > 0) return problems[0]
  const { level, isPaused } = automation
  if (!isMoving(level)) return `Automation is ${level}: nothing is moved.`
  if (isPaused) return 'An operator paused automation.'
  const optOut = optOuts.get(vmId)
  if (optOut !== undefined) return `${optOut.who} wants ${vmId} left alone: ${optOut.reason}.`
  const closed = maintenances.get(to)
  if (closed !== undefined) return `${to} is in maintenance, by ${closed.who}: ${closed.reason}.`
  if (cause.kind === 'policy') {
    if (level !== 'full')
      return `Automation is ${level}: what the policy decides is proposed, and a person approves it.`
    return blackoutAt(moveTimes, at) ?? outsideWindows(moveTimes, at)
  }
  if (cause.kind === 'operator') return blackoutAt(moveTimes, at)
  const evacuated = maintenances.get(cause.hostId)
  if (evacuated === undefined || cause.hostId !== from || evacuated.who !== cause.who)
    return `${cause.hostId} is not being emptied at the word of ${cause.who} any more.`
  return evacuated.isForced ? undefined : blackoutAt(moveTimes, at)
}
