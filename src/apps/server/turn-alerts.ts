/** Alerts that follow from what a turn saw and concluded. */
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { TurnEvent } from '../../terms/turn.ts'
import type { AlertDraft } from './alerts.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Agents send a vector every 5 to 15 minutes: three missed in a row are no accident. */
const VECTOR_MS_MAX = 45 * MINUTE_MS
/** Two hosts may claim a VM while it changes over; after so long somebody has to look (reliability test 36). */
const DOUBT_MS_MAX = 10 * MINUTE_MS
const NAMES_SHOWN = 10

export function alertsOf(packet: TurnPacket): readonly AlertDraft[] {
  const { observation, notes, held, result } = packet
  const { at, inventory } = observation
  return [
    ...staleHosts(packet),
    ...notes.strangers.map(
      (host): AlertDraft => ({
        kind: 'host-unregistered',
        severity: 'warning',
        about: host,
        what: `${host} reports and is not among the hosts that can be counted on, so its VMs are left alone.`,
        remedy: `Measure it with \`ethos bench host\` and register the result.`,
      }),
    ),
    ...notes.doubtful
      .filter(({ since }) => at - since > DOUBT_MS_MAX)
      .map(
        ({ vmId, since, claimedBy }): AlertDraft => ({
          kind: 'vm-place-unknown',
          severity: claimedBy.length > 1 ? 'critical' : 'warning',
          about: vmId,
          what:
            claimedBy.length > 1
              ? `${claimedBy.join(' and ')} have both claimed ${vmId} for ${minutes(at - since)} min. It is left alone.`
              : `No host has told where ${vmId} runs for ${minutes(at - since)} min. It is left alone.`,
          remedy:
            'Look on the hosts themselves where it runs; nothing of Ethos stops or starts a VM. ' +
            'What a host said that is gone for good ends with `ethos hosts remove HOST`.',
        }),
      ),
    ...staleVectors(inventory.vms, packet.heardAt, at),
    ...held
      .filter((reason) => reason.startsWith('The setting'))
      .map((what): AlertDraft => ({ kind: 'settings-unreadable', severity: 'critical', what, remedy: 'Set it anew.' })),
    ...(result?.events ?? []).flatMap(alertOfEvent),
  ]
}

function staleHosts({ notes }: TurnPacket): readonly AlertDraft[] {
  return [...notes.doubts].map(([host, doubt]) => ({
    kind: 'host-stale',
    severity: 'warning',
    about: host,
    what: `${host} is not counted on: ${doubt}`,
    remedy: 'Does its reporter run, and is its record complete? Until then nothing is moved to it or from it.',
  }))
}

function staleVectors(
  vms: readonly { readonly id: string }[],
  heardAt: Float64Array,
  at: EpochMs,
): readonly AlertDraft[] {
  const old = vms.filter((_, v) => at - heardAt[v] > VECTOR_MS_MAX)
  if (old.length === 0) return []
  const names = old.slice(0, NAMES_SHOWN).map(({ id }) => id)
  const more = old.length > names.length ? ` and ${old.length - names.length} more` : ''
  return [
    {
      kind: 'vectors-stale',
      severity: 'warning',
      what: `The last good vector is more than ${minutes(VECTOR_MS_MAX)} min old for ${old.length} VMs: ${names.join(', ')}${more}.`,
      remedy: "Do their agents run, and what does the list of agents count as refused? Meanwhile hosts' data are used.",
    },
  ]
}

function alertOfEvent(event: TurnEvent): readonly AlertDraft[] {
  if (event.kind === 'no-suitable-host') {
    const reasons = Object.entries(event.refusals).map(([lack, count]) => `${lack} on ${count}`)
    return [
      {
        kind: 'no-suitable-host',
        severity: 'critical',
        about: event.vmId,
        what: `No suitable host for ${event.vmId}, whose host is running out of room. Refused for ${reasons.join(', ') || 'want of a look at all hosts'}.`,
        remedy: event.remediation.map(({ reason }) => reason).join(' '),
      },
    ]
  }
  if (event.kind !== 'contention-predicted') return []
  const { hostId, demandP95, capacity, timeUntilContention } = event
  const { medianMs } = timeUntilContention
  const when = medianMs === undefined ? 'within the horizon' : `in about ${minutes(medianMs)} min`
  return [
    {
      kind: 'contention-predicted',
      severity: 'warning',
      about: hostId,
      what: `Contention is coming on ${hostId} ${when}: up to ${cores(demandP95)} of ${cores(capacity)} reference cores.`,
      remedy: 'The plan says what would relieve it.',
    },
  ]
}

/** What is not known is null in a journal, from which an event may have been read. */
function cores(value: number | null): string {
  return value === null ? 'an unknown number' : value.toFixed(2)
}

function minutes(ms: number): string {
  return (ms / MINUTE_MS).toFixed(0)
}
