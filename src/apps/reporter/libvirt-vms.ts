/** What libvirt says of the VMs on a host, look by look, as a report tells it: means and highest of the spans between the looks. */
import { spawn } from 'node:child_process'
import type { DomainStats } from '../../drivers/libvirt/domstats.ts'
import { parseDomstats } from '../../drivers/libvirt/domstats.ts'
import { coresOf, readingBetween } from '../../drivers/libvirt/domstats-reading.ts'
import type { ReportedVm } from '../../terms/host-report.ts'
import { parseVmId, type VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import type { Reading } from '../../terms/reading.ts'
import { RESOURCES, type Resource } from '../../terms/sample.ts'
import { type EpochMs, KiB, MiB, SECOND_MS } from '../../terms/units.ts'
import type { ByResource } from '../../terms/usage.ts'
import { MEAN_DIMENSION } from '../../terms/usage-fold.ts'
import { ReporterError } from './reporter-error.ts'

const WORDS = [
  'domstats',
  '--raw',
  '--state',
  '--cpu-total',
  '--vcpu',
  '--balloon',
  '--block',
  '--interface',
  '--nowait',
]
const TIMEOUT_MS = 20 * SECOND_MS
const OUTPUT_BYTES_MAX = 32 * MiB
/** Names that are told of: who makes more of them is not listened to. */
const REFUSED_MAX = 1000
/** libvirt's virDomainState and virDomainPausedReason. */
const STATE = { running: 1, blocked: 2, paused: 3 } as const
const PAUSED_FOR = { migration: 2, startingUp: 11 } as const
const THERE = new Set<number>([STATE.running, STATE.blocked, STATE.paused])

/** `virsh domstats` of one libvirt, once. Rejects with a `ReporterError` `libvirt`. */
export function virshDomstats({ program, uri }: { readonly program: string; readonly uri: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-c', uri, ...WORDS], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let out = ''
    let err = ''
    const fail = (what: string, cause?: Error): void =>
      reject(
        new ReporterError('libvirt', `${program} -c ${uri} domstats: ${what}`, cause === undefined ? {} : { cause }),
      )
    child.once('error', (cause) => fail(`${cause.message}. Is libvirt-clients installed?`, cause))
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      out += piece
      if (out.length > OUTPUT_BYTES_MAX) child.kill('SIGKILL')
    })
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (err = `${err}${piece}`.slice(0, 1000)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve(out)
      else fail(signal === null ? err.trim() || `it ended with ${code}` : 'it did not end in time')
    })
  })
}

/** Sums of one VM since the last report that was taken. */
interface Gathered {
  last: DomainStats
  /** Counters of before can be compared with. Not so after the clock has jumped. */
  isComparable: boolean
  /** It ran here since it was first seen. */
  hasRun: boolean
  readonly sums: Map<Resource, { product: number; spanMs: number; max: number }>
}

export class LibvirtVms {
  private readonly refCoresPerCore: number
  private readonly gathered = new Map<string, Gathered>()
  /** Names that can be no VM's, and have been told. */
  private readonly refused = new Set<string>()
  private readonly note: (text: string) => void

  /** @param note is told, once, of each VM whose name can be none */
  constructor(refCoresPerCore: number, note: (text: string) => void) {
    this.refCoresPerCore = refCoresPerCore
    this.note = note
  }

  /** Takes in one look. Throws a `ReporterError` where it is none. */
  look(text: string, at: EpochMs): void {
    const looks = read(text, at)
    const seen = new Set(looks.map(({ domain }) => domain))
    for (const domain of this.gathered.keys()) if (!seen.has(domain)) this.gathered.delete(domain)
    for (const stats of looks) this.add(stats)
  }

  /** The clock has jumped: what comes is compared with nothing that was before. */
  startOver(): void {
    for (const vm of this.gathered.values()) vm.isComparable = false
  }

  /** A report was taken: what comes is of the next. */
  begin(): void {
    for (const { sums } of this.gathered.values()) sums.clear()
  }

  /** What there is to report of each VM that is on. A VM of which nothing was measured yet is told without numbers. */
  report(): readonly ReportedVm[] {
    const vms: ReportedVm[] = []
    for (const { last, sums, hasRun } of this.gathered.values()) {
      const id = this.idOf(last.domain)
      const state = stateOf(last, hasRun)
      if (id !== undefined && state !== undefined) vms.push({ vm: this.sizeOf(id, last), state, ...levelsOf(sums) })
    }
    return vms
  }

  private add(stats: DomainStats): void {
    const before = this.gathered.get(stats.domain)
    if (before === undefined) {
      this.gathered.set(stats.domain, { last: stats, isComparable: true, hasRun: isRunning(stats), sums: new Map() })
      return
    }
    const reading = before.isComparable ? readingBetween(before.last, stats) : undefined
    before.last = stats
    before.isComparable = true
    before.hasRun ||= isRunning(stats)
    if (reading !== undefined) this.addReading(before, reading)
  }

  private addReading({ sums }: Gathered, { values, spanMs }: Reading): void {
    for (const resource of RESOURCES) {
      const told = values[dimensionIndex(MEAN_DIMENSION[resource])]
      if (!Number.isFinite(told)) continue
      const value = resource === 'cpu' ? told * this.refCoresPerCore : told
      const sum = sums.get(resource) ?? { product: 0, spanMs: 0, max: 0 }
      sum.product += value * spanMs
      sum.spanMs += spanMs
      sum.max = Math.max(sum.max, value)
      sums.set(resource, sum)
    }
  }

  private sizeOf(id: VmId, stats: DomainStats): ReportedVm['vm'] {
    const memoryKib = stats.fields.get('balloon.maximum') ?? stats.fields.get('balloon.current') ?? 0
    return { id, vcpus: coresOf(stats), refCoresPerVcpu: this.refCoresPerCore, memoryBytes: memoryKib * KiB }
  }

  private idOf(domain: string): VmId | undefined {
    try {
      return parseVmId(domain)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      if (this.refused.has(domain) || this.refused.size >= REFUSED_MAX) return undefined
      this.refused.add(domain)
      this.note(`VM ${JSON.stringify(domain)} is left out: ${error.message}`)
      return undefined
    }
  }
}

function read(text: string, at: EpochMs): readonly DomainStats[] {
  try {
    return parseDomstats(`${String(Math.round(at)).padStart(13, '0')}\n${text}`, 'virsh domstats')
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    throw new ReporterError('libvirt', `What virsh printed can not be read: ${error.message}`, { cause: error })
  }
}

function isRunning({ fields }: DomainStats): boolean {
  const state = fields.get('state.state')
  return state === STATE.running || state === STATE.blocked
}

/** Undefined for what runs nowhere: off, crashed, or suspended to disk. On the target of a migration libvirt 9.0 says "starting up" for a moment and
 *  then "migration" until it runs there; of the source it says "migration" too, in the last second, when what is there has run before. */
function stateOf(stats: DomainStats, hasRun: boolean): ReportedVm['state'] | undefined {
  const state = stats.fields.get('state.state')
  if (state === undefined || !THERE.has(state)) return undefined
  if (isRunning(stats)) return 'running'
  const reason = stats.fields.get('state.reason')
  const isArriving = reason === PAUSED_FOR.startingUp || (reason === PAUSED_FOR.migration && !hasRun)
  return isArriving ? 'incoming' : 'paused'
}

function levelsOf(sums: Gathered['sums']): { readonly mean: ByResource; readonly max: ByResource } {
  const [mean, max]: [Partial<Record<Resource, number>>, Partial<Record<Resource, number>>] = [{}, {}]
  for (const [resource, sum] of sums) {
    mean[resource] = sum.product / sum.spanMs
    max[resource] = sum.max
  }
  return { mean, max }
}
