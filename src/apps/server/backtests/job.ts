/** A backtest that somebody asks the server for: what is asked, within which bounds, and how it is kept. */
import { AZURE_FULL_DAYS, AZURE_VM_COUNT_MAX } from '../../../drivers/traces/azure.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, slotOf } from '../../../terms/usage.ts'
import { RETENTION } from '../../../world/site-store.ts'
import { POLICIES_DEFAULT, type PolicyName } from '../../backtest/policy-names.ts'
import type { BacktestBody, BacktestSource, BacktestSummary } from '../views/backtests.ts'

/** VMs times steps of one backtest: 10,000 VMs for a day. */
export const VM_STEPS_MAX = 3_000_000
/** Backtests that are kept. */
export const KEPT_MAX = 20
const OWN_SPAN_MS = DAY_MS
const OWN_SPAN_MS_MAX = 7 * DAY_MS
/** Less is no past to judge by. */
const OWN_SPAN_MS_MIN = HOUR_MS
const FLEET_OF_TRACES = 'virtualisation-2022-1tb'

/** What is run: every default filled in. */
export type BacktestJob = Pick<BacktestSummary, 'source' | 'day' | 'from' | 'to' | 'fleet' | 'seed'> & {
  readonly policies: readonly PolicyName[]
  readonly vms?: number
  readonly hosts?: number
}

/** Oldest instant of which usage may be kept, as a whole slot. */
export function oldestKept(now: EpochMs): EpochMs {
  return slotOf(now - RETENTION.usageMs) + SLOT_MS
}

/** The job that a body asks for; a sentence where its fields do not go together. */
export function jobOf(body: BacktestBody, now: EpochMs): BacktestJob | string {
  const { source, policies, seed = 1, vms, hosts } = body
  const place = source === 'own' ? ownSpan(body, now) : recordedDay(body)
  if (typeof place === 'string') return place
  const fleet = body.fleet ?? (source === 'own' ? 'own' : FLEET_OF_TRACES)
  if (fleet === 'own' && hosts !== undefined)
    return `\`hosts\` is ${hosts}, and the fleet \`own\` has the hosts that it has.`
  return {
    source,
    ...place,
    policies: policies ?? POLICIES_DEFAULT,
    fleet,
    seed,
    ...(vms === undefined ? {} : { vms }),
    ...(hosts === undefined ? {} : { hosts }),
  }
}

/** Whole slots that are over. */
function ownSpan({ day, vms, from, to }: BacktestBody, now: EpochMs): { from: EpochMs; to: EpochMs } | string {
  if (day !== undefined) return `\`day\` is ${day}, and the site’s own past is asked for by \`from\` and \`to\`.`
  if (vms !== undefined) return `\`vms\` is ${vms}, and the site’s own past has the VMs that it has.`
  const end = slotOf(Math.min(to ?? now, now))
  const begin = slotOf(from ?? end - OWN_SPAN_MS)
  const oldest = oldestKept(now)
  if (begin < oldest) return `\`from\` is ${begin}, and usage is kept from ${oldest} on.`
  if (end - begin < OWN_SPAN_MS_MIN)
    return `From ${begin} to ${end} is less than an hour: there is nothing to judge by.`
  if (end - begin > OWN_SPAN_MS_MAX) return `From ${begin} to ${end} is more than seven days.`
  return { from: begin, to: end }
}

function recordedDay({ source, day, vms, from, to }: BacktestBody): { day?: number } | string {
  const instant = from ?? to
  if (instant !== undefined) return `An instant (${instant}) goes with the source \`own\` alone; ${source} has days.`
  if (day !== undefined && day >= AZURE_FULL_DAYS)
    return `\`day\` is ${day}, and ${source} has days 0 to ${AZURE_FULL_DAYS - 1}.`
  if (vms !== undefined && vms > AZURE_VM_COUNT_MAX)
    return `\`vms\` is ${vms}, and ${source} has ${AZURE_VM_COUNT_MAX} at most.`
  return day === undefined ? {} : { day }
}

/** The name that `ethos backtest --trace` takes for it. */
export function traceOf({ source, day }: { readonly source: BacktestSource; readonly day?: number }): string {
  return day === undefined ? source : `${source}/${day}`
}
