/** What the cluster page makes of the server's answers: one row a host, the past beside what is ahead. */
import type {
  HostOutlookView,
  HostPastView,
  LoadHistoryView,
  OutlookView,
} from '../../../src/apps/server/views/outlook.ts'
import { percentText, spanText } from '../../../src/terms/shown.ts'
import type { HeatStep } from './heat-steps.ts'
import { hourText } from './words.ts'

export interface ClusterRow {
  readonly host: string
  readonly past: HostPastView | undefined
  readonly next: HostOutlookView | undefined
}

/** Every host that either tells of, by name. */
export function rowsOf(history: LoadHistoryView | undefined, outlook: OutlookView | undefined): readonly ClusterRow[] {
  const pasts = new Map(history?.hosts.map((past) => [past.host, past]))
  const nexts = new Map(outlook?.hosts.map((next) => [next.host, next]))
  const names = [...new Set([...pasts.keys(), ...nexts.keys()])]
  return names.map((host) => ({ host, past: pasts.get(host), next: nexts.get(host) }))
}

/** Who is likely to hurt: hosts that are acted on or above the trigger, the likeliest first. */
export function hurting(outlook: OutlookView): readonly HostOutlookView[] {
  return outlook.hosts
    .filter(
      ({ contention }) =>
        contention !== undefined && (contention.isAlarmed || contention.probability >= outlook.triggerProbability),
    )
    .toSorted((a, b) => (b.contention?.probability ?? 0) - (a.contention?.probability ?? 0))
}

/** What is ahead of a host, where there is nothing; undefined: there is a forecast, or nobody told yet. */
export function noForecastText({ next }: ClusterRow, outlook: OutlookView | undefined): string | undefined {
  if (outlook === undefined || (next?.demand?.p50.length ?? 0) > 0) return undefined
  return next?.vms === 0 ? 'no forecast: it carries no VMs' : 'no forecast'
}

/** A host's strip in words, for who doesn't see it. */
export function stripText(row: ClusterRow, outlook: OutlookView | undefined): string {
  const last = row.past?.cpu?.findLast((value) => value !== null)
  const now = last === undefined || last === null ? 'not measured' : percentText(last)
  const [median, upper] = [row.next?.demand?.p50 ?? [], row.next?.demand?.p90 ?? []].map((column) =>
    Math.max(...column),
  )
  const next =
    outlook === undefined
      ? 'what is ahead is not known yet'
      : (noForecastText(row, outlook) ??
        `expected at most ${percentText(median)} ahead, its band up to ${percentText(upper)}`)
  return `${row.host}: CPU ${now}, ${next}`
}

/** One step of a host's strip in words. Empty: nobody told yet. */
export function stepText(
  { host, past, next }: ClusterRow,
  { isAhead, index }: HeatStep,
  { history, outlook }: { readonly history: LoadHistoryView | undefined; readonly outlook: OutlookView | undefined },
): string {
  if (history === undefined) return ''
  if (!isAhead) {
    const value = past?.cpu?.[index]
    const at = hourText(history.from + index * history.stepMs)
    return `${host} at ${at} UTC: ${value === undefined || value === null ? 'not measured' : `measured ${percentText(value)}`}`
  }
  if (outlook === undefined) return ''
  const at = hourText(history.from + history.steps * history.stepMs + (index + 1) * outlook.stepMs)
  const { demand } = next ?? {}
  const [low, mid, high] = [demand?.p10, demand?.p50, demand?.p90].map((column) => column?.[index])
  if (low === undefined || mid === undefined || high === undefined) return `${host} at ${at} UTC: no forecast`
  return `${host} at ${at} UTC: forecast ${percentText(mid)}, between ${percentText(low)} and ${percentText(high)} (8 of 10)`
}

/** Why a host hurts, and what is done, as the end of a sentence that begins with its name. */
export function riskText({ contention, inFlight, ordered }: HostOutlookView, horizonMs: number): string {
  if (contention === undefined) return ''
  const within =
    contention.medianMs === undefined ? `within ${spanText(horizonMs)}` : `in about ${spanText(contention.medianMs)}`
  const risk = `may be short of CPU ${within} (${percentText(contention.probability)})`
  if (inFlight.leaving > 0) return `${risk}: ${vmsText(inFlight.leaving, 'is', 'are')} leaving it.`
  if (ordered.leaving > 0) return `${risk}: ${vmsText(ordered.leaving, 'is', 'are')} to leave it.`
  return contention.isAlarmed ? `${risk}: the last turn has no VM leave it, and the plan says why.` : `${risk}.`
}

function vmsText(count: number, one: string, many: string): string {
  return count === 1 ? `one VM ${one}` : `${count} VMs ${many}`
}

/** Marks of an axis that leave room for what stands at an instant of it. @param room share of the axis */
export function ticksBeside(
  ticks: readonly number[],
  { from, now, to }: { readonly from: number; readonly now: number; readonly to: number },
  room: number,
): readonly number[] {
  return ticks.filter((at) => (at <= now ? now - at >= room * (to - from) : at - now >= room * (to - from)))
}
