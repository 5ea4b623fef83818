/** Questions about single VMs, which can hang with their QEMU: each VM is asked one thing at a time, few are asked at once, and nobody waits longer than
 *  told. So two VMs that hang take two of a connection's four places, and never the last. */
import {
  type Domain,
  isNoDomain,
  type JobStats,
  type Libvirt,
  LIBVIRT_ERROR,
  LibvirtError,
  LibvirtRemoteError,
} from '../rpc/libvirt.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { type DomainJob, OPERATION } from './presence.ts'

const AT_ONCE_MAX = 2
/** virDomainJobType: bounded and unbounded are under way. */
const UNDER_WAY = new Set([1, 2])
/** libvirt has figures of a migration on its source alone. A target answers that they can't be had: 9.0 with "operation unsupported", others with "invalid". */
const ON_A_TARGET = new Set<number>([LIBVIRT_ERROR.operationUnsupported, LIBVIRT_ERROR.operationInvalid])
/** libvirt itself gives up waiting for a VM's monitor after 30 s. A call of ours that gave up earlier would hold its place all the same. */
const PATIENT = { timeoutMs: Number.POSITIVE_INFINITY }

const desks = new WeakMap<Libvirt, VmDesk>()

/** The one of a connection. */
export function deskOf(libvirt: Libvirt): VmDesk {
  const known = desks.get(libvirt) ?? new VmDesk(libvirt)
  desks.set(libvirt, known)
  return known
}

export class VmDesk {
  private readonly libvirt: Libvirt
  private readonly asked = new Map<string, Promise<unknown>>()
  private readonly waiting: (() => void)[] = []
  private atWork = 0

  constructor(libvirt: Libvirt) {
    this.libvirt = libvirt
  }

  /** Never rejects: what can't be told is `unknown`. */
  async jobOf(domain: Domain, waitMs: number): Promise<DomainJob> {
    const ask = (): Promise<JobStats> => this.libvirt.call(DOMAIN_PROCEDURES.jobStats, { domain, flags: 0 }, PATIENT)
    try {
      return jobOfStats(await this.within(waitMs, this.once(`job ${domain.uuid}`, ask)))
    } catch (error) {
      return jobOfError(error)
    }
  }

  /** What it is made of, without secrets. Rejects with a `LibvirtError`: `busy` where nothing came in time. */
  xmlOf(domain: Domain, waitMs: number): Promise<string> {
    const ask = (): Promise<string> => this.libvirt.call(DOMAIN_PROCEDURES.xml, { domain, flags: 0 }, PATIENT)
    return this.within(waitMs, this.once(`xml ${domain.uuid}`, ask))
  }

  /** Begins to measure by sampling pages. Rejects as `xmlOf` does. */
  startDirtyRate(domain: Domain, seconds: number, waitMs: number): Promise<void> {
    return this.within(
      waitMs,
      this.once(`dirty ${domain.uuid}`, () => this.libvirt.startDirtyRate(domain, seconds)),
    )
  }

  private once<Answer>(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.asked.get(key)
    if (known !== undefined) return known as Promise<Answer>
    const asked = this.inTurn(ask).finally(() => this.asked.delete(key))
    // Whoever waited may have gone by then.
    asked.catch(() => undefined)
    this.asked.set(key, asked)
    return asked
  }

  private async inTurn<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    if (this.atWork >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.atWork++
    try {
      return await ask()
    } finally {
      const next = this.waiting.shift()
      // The place goes on to whoever is next.
      if (next === undefined) this.atWork--
      else next()
    }
  }

  private async within<Answer>(waitMs: number, answer: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `It told nothing of the VM in ${waitMs} ms. Does its QEMU hang, or that of another?`
      timer = setTimeout(() => reject(new LibvirtError('busy', message)), waitMs)
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function jobOfStats(stats: JobStats): DomainJob {
  if (!UNDER_WAY.has(stats.type)) return { kind: 'none' }
  // Daemons before 3.3 do not say which; whoever has a job then may be migrating.
  const operation = figureOf(stats.parameters, 'operation') ?? OPERATION.migrationOut
  if (operation === OPERATION.migrationOut || operation === 0) return { kind: 'migration-out', stats }
  return operation === OPERATION.migrationIn ? { kind: 'migration-in' } : { kind: 'other', operation }
}

function jobOfError(error: unknown): DomainJob {
  if (isNoDomain(error)) return { kind: 'none' }
  if (error instanceof LibvirtRemoteError) {
    // The hypervisor has no jobs, as libvirt's test driver has none.
    if (error.number === LIBVIRT_ERROR.notSupported) return { kind: 'none' }
    if (ON_A_TARGET.has(error.number)) return { kind: 'migration-in' }
  }
  return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) }
}

/** A figure by libvirt's name; undefined where it is not told, or nothing that can be counted. */
export function figureOf(parameters: JobStats['parameters'], field: string): number | undefined {
  const value = parameters.find((parameter) => parameter.field === field)?.value
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const number = Number(value)
  return Number.isFinite(number) && number >= 0 ? number : undefined
}
