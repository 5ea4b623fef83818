/** What the cluster page makes of the server's answers: one row a host, the past beside what is ahead. */
import type {
  HostOutlookView,
  HostPastView,
  LoadHistoryView,
  OutlookView,
} from '../../../src/apps/server/views/outlook.ts'

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
