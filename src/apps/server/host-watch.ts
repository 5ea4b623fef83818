/** What the requests of hosts say about who sends them: hosts that nobody registered, and names that two senders use at a time. */
import { freshForMs } from '../../drivers/reported/host-doubts.ts'
import type { HostId } from '../../terms/ids.ts'
import { instantText } from '../../terms/shown.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'
import type { AlertDraft } from './alerts.ts'
import type { ReporterRun } from './reporter-run.ts'

/** A reporter tries every quarter of an hour at the least: one of which no more is heard for longer has ended, or been registered. */
const STRANGER_MS = 20 * MINUTE_MS
/** Runs of the reporter of one host that are remembered, and hosts of each kind. */
const RUNS_MAX = 8
const HOSTS_MAX = 10_000
/** A late packet of a run that has ended makes it come back, and then the newer one: two that both live do so a third time. */
const RETURNS_MIN = 3

interface Stranger {
  readonly since: EpochMs
  readonly heardAt: EpochMs
  readonly refused: number
  readonly from: string
}

interface Heard extends ReporterRun {
  readonly from: string
  readonly at: EpochMs
}

interface Sharing {
  /** As they were last heard, the last of them last. */
  readonly heard: readonly Heard[]
  /** How often one that was thought to be over was heard again, since when, and until when that counts. */
  readonly returns: number
  readonly since: EpochMs
  readonly until: EpochMs
  /** The two that were found at it. */
  readonly pair?: readonly [Heard, Heard]
}

/** Remembers in this process alone: after a start each is found again with its next reports. */
export class HostWatch {
  private readonly now: () => EpochMs
  private readonly strangers = new Map<HostId, Stranger>()
  private readonly sharing = new Map<HostId, Sharing>()

  constructor(now: () => EpochMs) {
    this.now = now
  }

  /** A host asked for something that is not on the list of hosts. */
  stranger(host: HostId, from: string): void {
    const known = this.strangers.get(host)
    const at = this.now()
    const isNew = known === undefined || at - known.heardAt > STRANGER_MS
    const [since, refused] = isNew ? [at, 1] : [known.since, known.refused + 1]
    put(this.strangers, host, { since, heardAt: at, refused, from })
  }

  /** A host that is on the list asked for something. */
  registered(host: HostId): void {
    this.strangers.delete(host)
  }

  /** A host reports. True while two machines do so under its name: what either says is then not to be believed. */
  reports(host: HostId, run: ReporterRun, from: string): boolean {
    const at = this.now()
    const { heard, ...was } = this.sharing.get(host) ?? { heard: [], returns: 0, since: at, until: -Infinity }
    const is: Heard = { ...run, from, at }
    const known = heard.find((one) => one.run === run.run)
    const next = [...heard.filter((one) => one !== known), is].slice(-RUNS_MAX)
    put(this.sharing, host, { ...was, ...judge(heard, known, { is, was }), heard: next })
    return this.isShared(host)
  }

  /** By two machines; two reporters on one machine tell the same. */
  isShared(host: HostId): boolean {
    const pair = this.standing(host)?.pair
    return pair !== undefined && !isOneMachine(pair)
  }

  /** What stands now. */
  alerts(): readonly AlertDraft[] {
    const at = this.now()
    const strangers = [...this.strangers].filter(([, { heardAt }]) => at - heardAt <= STRANGER_MS)
    const shared = [...this.sharing.keys()].flatMap((host) => {
      const standing = this.standing(host)
      return standing?.pair === undefined ? [] : [sharedAlert(host, { ...standing, pair: standing.pair })]
    })
    return [...shared, ...strangers.map(([host, stranger]) => strangerAlert(host, stranger))]
  }

  private standing(host: HostId): Sharing | undefined {
    const sharing = this.sharing.get(host)
    if (sharing === undefined || this.now() > sharing.until) return undefined
    return sharing.returns < RETURNS_MIN ? undefined : sharing
  }
}

/** A run that starts anew draws another lot, and one that ended is heard no more: whoever is heard again after another was, or counts a number
 *  twice, lives beside it. A host that changes its address goes on with its run. */
function judge(
  heard: readonly Heard[],
  known: Heard | undefined,
  { is, was }: { readonly is: Heard; readonly was: Omit<Sharing, 'heard'> },
): Partial<Sharing> {
  const newest = heard.at(-1)
  if (known === undefined || newest === undefined) return {}
  const isBack = newest !== known || is.number <= known.number
  if (!isBack) return {}
  const isOn = is.at <= was.until
  const spanMs = Math.max(0, is.at - known.at)
  return {
    returns: isOn ? was.returns + 1 : 1,
    since: isOn ? was.since : is.at,
    until: is.at + freshForMs({ windowMs: spanMs }),
    pair: [newest === known ? known : newest, is],
  }
}

function isOneMachine([a, b]: readonly [Heard, Heard]): boolean {
  return a.run !== b.run && a.boot !== undefined && a.boot === b.boot
}

function sharedAlert(
  host: HostId,
  { pair, returns, since }: Sharing & { readonly pair: readonly [Heard, Heard] },
): AlertDraft {
  const turns = `They took turns ${returns} times since ${instantText(since)}.`
  const whence = [...new Set(pair.map(({ from }) => from))].sort().join(' and from ')
  if (isOneMachine(pair))
    return {
      kind: 'host-reported-twice',
      severity: 'warning',
      about: host,
      what: `Two reporters of one boot report as ${host}, from ${whence}. ${turns}`,
      remedy: `Is one started by hand beside the service? Stop one of them on ${host}.`,
    }
  const boots = [...new Set(pair.map(({ boot }) => boot))].filter((boot) => boot !== undefined).sort()
  const which = boots.length === 2 ? `with the boots ${boots.join(' and ')}` : 'and count their reports twice'
  return {
    kind: 'host-cloned',
    severity: 'critical',
    about: host,
    what: `Two machines report as ${host}, from ${whence}, ${which}. ${turns} Nothing is moved to it or from it.`,
    remedy:
      'One has a copied certificate: was a disk image copied? On the machine that it is not, stop the reporter, delete its state folder ' +
      'and let it join under a name of its own: `ethos enroll NAME --host`.',
  }
}

function strangerAlert(host: HostId, { since, refused, from }: Stranger): AlertDraft {
  return {
    kind: 'host-unregistered',
    severity: 'warning',
    about: host,
    what: `${host} reports from ${from} and is not on the list of hosts: ${refused} requests were refused since ${instantText(since)}.`,
    remedy:
      `Measure it and register the result: \`ethos bench host --out ${host}.json && ethos hosts add ${host}.json\`. ` +
      'If it is to be off the list, stop its reporter.',
  }
}

/** The one that was not heard for longest goes where there are too many. */
function put<T>(map: Map<HostId, T>, host: HostId, value: T): void {
  map.delete(host)
  map.set(host, value)
  for (const key of map.keys()) {
    if (map.size <= HOSTS_MAX) return
    map.delete(key)
  }
}
