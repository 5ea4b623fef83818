/** Whether what a host tells of itself can be so. A host in doubt neither receives nor gives a VM; everybody else is judged as ever. */
import { type HostCharacteristics, hostCapacityRefCores } from '../../terms/host.ts'
import type { KeptReport } from '../../terms/host-report.ts'
import type { HostId } from '../../terms/ids.ts'
import { type EpochMs, MINUTE_MS } from '../../terms/units.ts'

/** A report counts for this many of its windows ... */
const STALE_WINDOWS = 3
/** ... and for at least so long: one that comes a little late is no reason for alarm. */
const STALE_MS_MIN = 3 * MINUTE_MS
/** ... and for no longer: the first report after an outage is of all of it, and says nothing about when the next will come. */
const STALE_MS_MAX = 45 * MINUTE_MS
/** So many reports in a row with the same numbers to the last bit are no measurement. */
const STUCK_REPORTS = 3
/** What a host's VMs use in all may be this much more than what the host says it is busy with, and a host busier than its cores:
 *  two clocks and two counters never agree. The 15 % of reliability test 21. */
const SLACK_SHARE = 0.15
/** A core's worth of slack on top, so that an idle host's rounding is no lie. */
const SLACK_REF_CORES = 0.5
/** From this share of its cores on a host may be so busy that its VMs wait, and what they want is more than what they get. */
const WAITING_SHARE = 0.7

interface Seen {
  readonly arrivedAt: EpochMs
  readonly fingerprint: string
  /** Reports in a row that told the same. */
  readonly alike: number
}

/** How long a report may be believed, from its arrival on. */
export function freshForMs({ windowMs }: Pick<KeptReport, 'windowMs'>): number {
  return Math.min(STALE_MS_MAX, Math.max(STALE_MS_MIN, STALE_WINDOWS * windowMs))
}

/** Remembers of each host how its last report looked: a counter that stands still shows only over time. */
export class HostDoubts {
  private seen = new Map<HostId, Seen>()

  /** Why the host's newest report is not to be believed; undefined: it is. Ask once per host and inventory. */
  judge(host: HostCharacteristics, report: KeptReport | undefined, now: EpochMs): string | undefined {
    if (report === undefined) return 'It has not reported yet.'
    const alike = this.remember(report)
    if (report.isShared === true) return 'Two machines report under its name: whose word this is nobody knows.'
    const ageMs = now - report.arrivedAt
    // Of a report that arrived "later" than now nobody knows how old it is.
    if (ageMs < -STALE_MS_MIN)
      return `Its newest report is ${(-ageMs / MINUTE_MS).toFixed(1)} min ahead of the clock: was that set back?`
    if (ageMs > freshForMs(report)) return `Its newest report is ${(ageMs / MINUTE_MS).toFixed(1)} min old.`
    if (alike >= STUCK_REPORTS)
      return `Its last ${alike} reports hold the same numbers to the last digit: do its counters stand still?`
    return contradiction(host, report)
  }

  /** Forgets hosts that are gone. */
  keepOnly(hosts: ReadonlySet<HostId>): void {
    for (const id of this.seen.keys()) if (!hosts.has(id)) this.seen.delete(id)
  }

  private remember(report: KeptReport): number {
    const was = this.seen.get(report.hostId)
    if (was?.arrivedAt === report.arrivedAt) return was.alike
    const fingerprint = fingerprintOf(report)
    const alike = was !== undefined && fingerprint !== '' && was.fingerprint === fingerprint ? was.alike + 1 : 1
    this.seen.set(report.hostId, { arrivedAt: report.arrivedAt, fingerprint, alike })
    return alike
  }
}

/** The measured numbers; empty where all of them are zero or none is there: an idle host may well look the same twice. */
function fingerprintOf({ cpuRefCoresMean, cpuRefCoresMax, vms }: KeptReport): string {
  const numbers = [cpuRefCoresMean, cpuRefCoresMax, ...vms.map(({ mean }) => mean.cpu)]
  return numbers.every((number) => number === undefined || number === 0) ? '' : numbers.join(' ')
}

function contradiction(host: HostCharacteristics, { cpuRefCoresMean, vms }: KeptReport): string | undefined {
  if (cpuRefCoresMean === undefined) return undefined
  const capacity = hostCapacityRefCores(host)
  const told = cpuRefCoresMean.toFixed(2)
  if (cpuRefCoresMean > capacity * (1 + SLACK_SHARE))
    return `It says ${told} reference cores are busy, and has ${capacity.toFixed(2)}: is its record of cores right?`
  const sum = vms.reduce((total, { mean }) => total + (mean.cpu ?? 0), 0)
  const isIdle = cpuRefCoresMean < capacity * WAITING_SHARE
  if (isIdle && sum > cpuRefCoresMean * (1 + SLACK_SHARE) + SLACK_REF_CORES)
    return `It says ${told} reference cores are busy, and that its VMs want ${sum.toFixed(2)}: one of the two is wrong.`
  if (cpuRefCoresMean === 0 && vms.some(({ state }) => state === 'running'))
    return 'It says that no core is busy at all while VMs run: does anything measure?'
  return undefined
}
