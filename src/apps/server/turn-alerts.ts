/** Alerts that follow from what a turn saw and concluded. */
import { freshForMs } from '../../drivers/reported/host-doubts.ts'
import type { HostTold } from '../../drivers/reported/reported-hypervisor.ts'
import type { HostId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { TurnEvent } from '../../terms/turn.ts'
import type { AlertDraft } from './alerts.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Agents send a vector every 5 to 15 minutes: three missed in a row are no accident. */
const VECTOR_MS_MAX = 45 * MINUTE_MS
/** Two hosts may claim a VM while it changes over; after so long somebody has to look (reliability test 36). */
const DOUBT_MS_MAX = 10 * MINUTE_MS
const NAMES_SHOWN = 10
/** Hosts report every 1 to 15 minutes, so one cause silences the next within a turn. */
const TOGETHER_MS = 5 * MINUTE_MS
/** So many hosts, or this share of the site's, may fall silent by chance. */
const SILENT_HOSTS_MAX = 3
const SILENT_SHARE_MAX = 0.1

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

function staleHosts(packet: TurnPacket): readonly AlertDraft[] {
  const { notes } = packet
  const together = silentTogether(packet)
  const alone = [...notes.doubts].filter(([host]) => !together.has(host))
  return [
    ...silenceAlert(packet, together),
    ...alone.map(
      ([host, doubt]): AlertDraft => ({
        kind: 'host-stale',
        severity: 'warning',
        about: host,
        what: `${host} is not counted on: ${doubt}`,
        remedy: 'Does its reporter run, and is its record complete? Until then nothing is moved to it or from it.',
      }),
    ),
  ]
}

/** Hosts that fell silent with many others: each within some minutes of the next, and more of them than fail by themselves. When each was last heard. */
function silentTogether({ observation, notes }: TurnPacket): ReadonlyMap<HostId, EpochMs> {
  const { at, inventory } = observation
  const silent = [...notes.reports.values()]
    .filter((told) => notes.doubts.has(told.hostId) && at - told.arrivedAt > freshForMs(told))
    .sort((a, b) => a.arrivedAt - b.arrivedAt)
  const groups: HostTold[][] = []
  for (const told of silent) {
    const group = groups.at(-1)
    const before = group?.at(-1)
    if (group === undefined || before === undefined || told.arrivedAt - before.arrivedAt > TOGETHER_MS) {
      groups.push([told])
    } else {
      group.push(told)
    }
  }
  const fewest = Math.max(SILENT_HOSTS_MAX, SILENT_SHARE_MAX * inventory.hosts.length)
  const many = groups.filter(({ length }) => length > fewest).flat()
  return new Map(many.map(({ hostId, arrivedAt }) => [hostId, arrivedAt]))
}

function silenceAlert(
  { observation: { at, inventory } }: TurnPacket,
  silent: ReadonlyMap<HostId, EpochMs>,
): readonly AlertDraft[] {
  if (silent.size === 0) return []
  const lastHeard = [...silent.values()]
  const [from, to] = [minutes(at - Math.min(...lastHeard)), minutes(at - Math.max(...lastHeard))]
  const ago = from === to ? from : `${to} to ${from}`
  return [
    {
      kind: 'hosts-silent',
      severity: 'critical',
      what:
        `${silent.size} of ${inventory.hosts.length} hosts fell silent together; they were last heard ${ago} min ago: ` +
        `${listed([...silent.keys()].sort())}. Nothing is moved to them or from them.`,
      remedy:
        'Is the network between them and the server cut, did the server sleep, or has the certificate of all of them ended? ' +
        'Their VMs run on as they are; the alert ends when they report again.',
    },
  ]
}

function staleVectors(
  vms: readonly { readonly id: string }[],
  heardAt: Float64Array,
  at: EpochMs,
): readonly AlertDraft[] {
  const old = vms.filter((_, v) => at - heardAt[v] > VECTOR_MS_MAX)
  if (old.length === 0) return []
  return [
    {
      kind: 'vectors-stale',
      severity: 'warning',
      what: `The last good vector is more than ${minutes(VECTOR_MS_MAX)} min old for ${old.length} VMs: ${listed(old.map(({ id }) => id))}.`,
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

/** The first of them, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : ''
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more}`
}

/** What is not known is null in a journal, from which an event may have been read. */
function cores(value: number | null): string {
  return value === null ? 'an unknown number' : value.toFixed(2)
}

function minutes(ms: number): string {
  return (ms / MINUTE_MS).toFixed(0)
}
