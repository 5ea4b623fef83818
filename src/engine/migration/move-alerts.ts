/** What people have to know of a move that does not end by itself, and the exact commands to look and to act with. We never run them. */
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { IntentRecord } from './intent-record.ts'

/** Begins the refusal of what a preflight warned of and nobody has accepted; the warning follows, as it is to be accepted. */
export const WARNING_BEGIN = 'An operator has to accept first: '

export interface MoveAlert {
  readonly severity: 'critical' | 'warning'
  /** One of few words. */
  readonly what: 'double' | 'ambiguous' | 'unknown' | 'lost-by-fault' | 'overdue' | 'yielded'
  readonly vmId: VmId
  readonly orderId?: OrderId
  readonly hosts: readonly HostId[]
  readonly since: EpochMs
  /** What happened, in sentences. */
  readonly text: string
  /** To be read, understood and then typed by a person; the first ones only look. */
  readonly commands: readonly string[]
}

/** Unknown for longer than this is told. */
export const UNKNOWN_ALERT_MS = 10 * MINUTE_MS

/** Undefined: nothing that a person has to do. */
export function alertOf(record: IntentRecord, now: EpochMs): MoveAlert | undefined {
  const { intent, frozen, closed } = record
  const { order, terms } = intent
  const { vmId, from, to } = order
  const about = { vmId, orderId: order.id, hosts: [from, to] }
  if (closed !== undefined) {
    if (closed.state !== 'lost-by-fault') return undefined
    const text =
      `${vmId} runs neither on ${from} nor on ${to} after its move: a host or a process failed. Who restarts VMs has to ` +
      `start it, once, on ONE host; the disk may have gone on at ${to}. ${closed.detail}`
    return { ...about, severity: 'critical', what: 'lost-by-fault', since: closed.at, text, commands: lookAt(record) }
  }
  if (frozen !== undefined) return frozenAlert(record, frozen, now)
  const startedAt = record.sentAt ?? record.recordedAt
  const overdueMs = now - startedAt - terms.timeoutMs - UNKNOWN_ALERT_MS
  if (overdueMs <= 0) return undefined
  const text = `The move of ${vmId} from ${from} to ${to} has not ended ${UNKNOWN_ALERT_MS + overdueMs} ms after its time. It is followed on.`
  return { ...about, severity: 'warning', what: 'overdue', since: startedAt, text, commands: lookAt(record) }
}

/** Who takes a VM back again and again is not fought with. */
export function yieldedAlert(vmId: VmId, since: EpochMs, until: EpochMs): MoveAlert {
  const text =
    `${vmId} was taken back twice within an hour after we had moved it: another balancer, or a person, wants it elsewhere. ` +
    `It is left alone for ${until - since} ms. Which of the two is to decide?`
  return { severity: 'warning', what: 'yielded', vmId, hosts: [], since, text, commands: [] }
}

function frozenAlert(
  record: IntentRecord,
  { at, reason, detail }: NonNullable<IntentRecord['frozen']>,
  now: EpochMs,
): MoveAlert | undefined {
  const { vmId, from, to, id: orderId } = record.intent.order
  const about = { vmId, orderId, hosts: [from, to], since: at, what: reason }
  const look = lookAt(record)
  switch (reason) {
    case 'double':
      return {
        ...about,
        severity: 'critical',
        text:
          `${vmId} RUNS ON BOTH ${from} AND ${to}. Its disks are being written from two places. Decide which copy is to ` +
          `live, and stop the other at once. ${detail}`,
        commands: [
          ...look,
          `# if ${to} is to live:   ${virsh(from)} destroy ${typed(vmId)}`,
          `# if ${from} is to live: ${virsh(to)} destroy ${typed(vmId)}`,
        ],
      }
    case 'ambiguous':
      return {
        ...about,
        severity: 'critical',
        text: `${vmId} is paused, and nobody can tell which of its copies on ${from} and ${to} is the newer. ${detail}`,
        commands:
          record.progress?.told.isPostCopy === true
            ? [...look, ...recoverPostCopy(record)]
            : [...look, ...choose(record)],
      }
    case 'unknown':
      break
  }
  if (now - at < UNKNOWN_ALERT_MS) return undefined
  return {
    ...about,
    severity: 'warning',
    text: `Where ${vmId} runs has not been known for ${now - at} ms: ${detail}. Nothing is done to it, nor to ${from} and ${to}, until it is seen.`,
    commands: [...look, `# if a host is off for good and will not come back by itself, vouch for it: docs/moves.md`],
  }
}

function lookAt({ intent }: IntentRecord): readonly string[] {
  const { vmId, from, to } = intent.order
  return [from, to].flatMap((host) => [
    `${virsh(host)} domstate ${typed(vmId)} --reason`,
    `${virsh(host)} domjobinfo ${typed(vmId)}`,
  ])
}

/** The one that was never run is removed first, so that no moment comes in which both run. */
function choose({ intent }: IntentRecord): readonly string[] {
  const { vmId, from, to } = intent.order
  return [
    `# only if ${to} has never run it (its log shows no 'resume'): ${virsh(to)} destroy ${typed(vmId)}; then ${virsh(from)} resume ${typed(vmId)}`,
    `# else:                                                      ${virsh(from)} destroy ${typed(vmId)}; then ${virsh(to)} resume ${typed(vmId)}`,
  ]
}

function recoverPostCopy({ intent }: IntentRecord): readonly string[] {
  const { vmId, from, to } = intent.order
  return [
    `# both halves are needed; destroy neither. When the network is back:`,
    `# ${virsh(from)} migrate --live --p2p --postcopy --postcopy-resume ${typed(vmId)} ${uri(to)}`,
  ]
}

function virsh(host: HostId): string {
  return `virsh -c ${quoted(uri(host))}`
}

/** A VM as virsh is told of it. virsh takes a number for an id that it gave, which is another VM's, and a dash for an option. */
function typed(vmId: VmId): string {
  if (/^\d+$/.test(vmId)) return `UUID-OF-THE-VM-NAMED-${vmId}`
  return vmId.startsWith('-') ? `--domain ${quoted(vmId)}` : quoted(vmId)
}

/** People paste these into a root shell, and a tenant may name a VM as it likes. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function uri(host: HostId): string {
  return `qemu+ssh://${host}/system`
}
