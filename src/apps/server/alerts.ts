/** What needs somebody: each alert with its begin, how bad it is and what to do. They end by themselves when their reason does. */
import type { EpochMs } from '../../terms/units.ts'

export const ALERT_KINDS = [
  'controller-dead',
  'store-trouble',
  'settings-unreadable',
  'host-stale',
  'hosts-silent',
  'host-cloned',
  'host-reported-twice',
  'host-unregistered',
  'vm-place-unknown',
  'vectors-stale',
  'no-suitable-host',
  'contention-predicted',
  'move-double',
  'move-frozen',
  'move-lost',
  'move-overdue',
  'move-yielded',
  'platform-differs',
  'platform-unreachable',
  'platform-untold',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export const SEVERITIES = ['note', 'warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** An alert as its finder states it, each time anew for as long as it is true. */
export interface AlertDraft {
  readonly kind: AlertKind
  readonly severity: Severity
  /** Whom it is about: a VM, a host. Absent: the site. Kind and this make the alert the same from time to time. */
  readonly about?: string
  readonly what: string
  readonly remedy: string
}

export interface Alert extends AlertDraft {
  readonly since: EpochMs
}

export interface AlertChange {
  readonly change: 'raised' | 'cleared'
  readonly alert: Alert
}

/** Alerts of one finder are bounded: a site on fire needs no list of every flame. */
const ALERTS_MOST = 1000

/** The alerts that stand, by who found them. */
export class AlertBook {
  private readonly bySource = new Map<string, ReadonlyMap<string, Alert>>()

  /** All that `source` finds now, in place of what it found before. Returns what began and what ended. */
  replace(source: string, drafts: readonly AlertDraft[], at: EpochMs): readonly AlertChange[] {
    const was = this.bySource.get(source) ?? new Map<string, Alert>()
    const now = new Map<string, Alert>()
    for (const draft of drafts.slice(0, ALERTS_MOST)) {
      const key = keyOf(draft)
      now.set(key, { ...draft, since: was.get(key)?.since ?? at })
    }
    this.bySource.set(source, now)
    const raised = [...now].filter(([key]) => !was.has(key)).map(([, alert]) => ({ change: 'raised', alert }) as const)
    const cleared = [...was]
      .filter(([key]) => !now.has(key))
      .map(([, alert]) => ({ change: 'cleared', alert }) as const)
    return [...raised, ...cleared]
  }

  /** The worst first, then the oldest. */
  list(): readonly Alert[] {
    const all = [...this.bySource.values()].flatMap((alerts) => [...alerts.values()])
    return all.sort(
      (a, b) =>
        SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
        a.since - b.since ||
        (keyOf(a) < keyOf(b) ? -1 : 1),
    )
  }
}

function keyOf({ kind, about = '' }: AlertDraft): string {
  return `${kind} ${about}`
}
