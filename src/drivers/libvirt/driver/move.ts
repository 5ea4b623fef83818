/** One order to one source: the call that moves, on a connection of its own, and what can be told of its end. */
import type { CallEnd, MoveCall } from '../../../world/migration-driver.ts'
import type { MigrationIntent, MoveFigures } from '../../../terms/intent.ts'
import {
  type Domain,
  type JobStats,
  type Libvirt,
  LIBVIRT_ERROR,
  LibvirtRemoteError,
  type MigrationEnd,
  type MigrationOptions,
  startPostCopy,
} from '../rpc/libvirt.ts'
import { migrationEnd, performRequest } from '../rpc/migration.ts'
import { MIGRATION_PROCEDURES } from '../rpc/procedures-migration.ts'
import { completedFigures, moveFigures } from './figures.ts'
import type { HostLink } from './host-link.ts'
import { findVm } from './looks.ts'
import { wishAgainst, wishesOf } from './opt-out.ts'
import { describeState, isRunning, OPERATION } from './presence.ts'
import { type LibvirtHost, type LibvirtSite, peerUriOf } from './sites.ts'
import { figureOf } from './vm-desk.ts'
import { parseXml } from './xml.ts'

/** virConnectListAllDomainsFlags: those that run and have a definition that outlives it. */
const ACTIVE_PERSISTENT = (1 << 0) | (1 << 2)
/** The event of the end may come a moment after the answer. */
const FIGURES_WAIT_MS = 2000
/** Which pass over memory begins when everything was copied once: from there post-copy has little left to fetch. */
const SECOND_PASS = 2
const DOWNTIME_TRY_MS = 200
const DOWNTIME_TRIES = 50

export interface MoveParts {
  readonly source: HostLink
  readonly target: HostLink
  readonly site: LibvirtSite
  /** Undefined as long as it may be sent; else why not. Asked last of all. */
  readonly objection: () => string | undefined
  /** Waited for just before that. */
  readonly lookAgain?: () => Promise<void>
}

export class Move {
  private readonly intent: MigrationIntent
  private readonly parts: MoveParts
  private own: Libvirt | undefined
  private figures: MoveFigures | undefined
  private tellFigures: () => void = () => undefined
  private readonly figuresCame: Promise<void>
  private isOver = false
  /** It was cancelled: post-copy is not begun any more. */
  private isCancelled = false

  constructor(intent: MigrationIntent, parts: MoveParts) {
    this.intent = intent
    this.parts = parts
    this.figuresCame = new Promise((resolve) => {
      this.tellFigures = resolve
    })
  }

  cancelled(): void {
    this.isCancelled = true
  }

  /** Lets go of it: it goes on without us, and its end becomes unknown. */
  async forget(): Promise<void> {
    await this.own?.close()
  }

  /** Never rejects. */
  async begin(): Promise<MoveCall> {
    const { source } = this.parts
    try {
      const peerUri = peerUriOf(this.parts.target.host)
      if (peerUri === undefined) return neverSent(noPeer(this.parts.target.host))
      this.own = await source.openNew({ isPostCopyAllowed: this.intent.terms.mode === 'postcopy' })
      const call = await this.send(this.own, peerUri)
      if (call.kind === 'never-sent') await this.own.close()
      return call
    } catch (error) {
      await this.own?.close()
      return neverSent(`${source.id}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  private async send(own: Libvirt, peerUri: string): Promise<MoveCall> {
    const { source, target } = this.parts
    const domain = await findVm(own, this.intent.order.vmId)
    if (domain === undefined) return neverSent(`${source.id} knows no VM ${this.intent.order.vmId}.`)
    const state = await own.domainState(domain)
    if (!isRunning(state)) {
      const is = describeState(state, { kind: 'none' })
      return neverSent(`${domain.name} on ${source.id} is ${is}; only what runs is moved.`)
    }
    const unwanted = await this.unwanted(own, domain)
    if (unwanted !== undefined) return neverSent(`${domain.name} on ${source.id}: ${unwanted}.`)
    const request = performRequest(domain, peerUri, await this.options(own, domain))
    await this.watch(own, domain)
    await this.parts.lookAgain?.()
    const objection = this.isCancelled ? 'It was cancelled before it was sent.' : this.parts.objection()
    if (objection !== undefined) return neverSent(objection)
    const answer = own.call(MIGRATION_PROCEDURES.perform, request, { timeoutMs: Number.POSITIVE_INFINITY })
    const end = answer.then((): MigrationEnd => ({ kind: 'succeeded' }), migrationEnd)
    // What never leaves this process is known by now, for nothing else is in work on this connection.
    const early = await Promise.race([end, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))])
    if (early?.kind === 'never-sent') return neverSent(`${source.id}: ${early.error.message}`)
    void this.limitDowntime(own, domain)
    return { kind: 'sent', ended: this.finish(own, end, target) }
  }

  /** A word that came after the preflight counts as well. */
  private async unwanted(own: Libvirt, domain: Domain): Promise<string | undefined> {
    const { terms, order } = this.intent
    const wishes = wishesOf(parseXml(await own.domainXml(domain), 'its description'))
    return wishAgainst(order.vmId, terms.mode, wishes, this.parts.site)
  }

  private async options(own: Libvirt, domain: Domain): Promise<MigrationOptions> {
    const { terms } = this.intent
    const { site, target } = this.parts
    const persistent = await own.domains(ACTIVE_PERSISTENT)
    const isPersistent = persistent.some(({ uuid }) => uuid === domain.uuid)
    const { dataUri } = target.host
    const { bandwidthMibPerSec } = terms
    return {
      // Left on both hosts, a definition could be started on both.
      definition: isPersistent ? 'move' : 'transient',
      isAbortedOnError: true,
      ...(dataUri === undefined ? {} : { dataUri }),
      ...(bandwidthMibPerSec === undefined ? {} : { bandwidthMibPerSec: Math.max(1, Math.floor(bandwidthMibPerSec)) }),
      ...(terms.mode === 'autoconverge' ? { autoConverge: {} } : {}),
      ...(terms.mode === 'postcopy' ? { isPostCopyPrepared: true } : {}),
      ...(site.isEncrypted === true ? { isEncrypted: true } : {}),
    }
  }

  /** Asked for before the order, so that nothing of it is missed. */
  private async watch(own: Libvirt, domain: Domain): Promise<void> {
    await own.onJobCompleted(({ parameters }) => {
      const operation = figureOf(parameters, 'operation') ?? OPERATION.migrationOut
      if (operation === OPERATION.migrationOut) this.takeFigures(parameters)
    }, domain)
    if (this.intent.terms.mode !== 'postcopy') return
    let hasBegun = false
    await own.onMigrationIteration(({ iteration }) => {
      if (iteration < SECOND_PASS || hasBegun || this.isCancelled) return
      hasBegun = true
      // Refused, it goes on as pre-copy.
      startPostCopy(own, domain).catch(() => undefined)
    }, domain)
  }

  private takeFigures(parameters: JobStats['parameters']): void {
    this.figures = moveFigures(parameters)
    this.tellFigures()
  }

  /** libvirt takes it only while the migration is under way, which begins a moment after the order. */
  private async limitDowntime(own: Libvirt, domain: Domain): Promise<void> {
    const { downtimeLimitMs } = this.parts.site
    if (downtimeLimitMs === undefined) return
    for (let tries = 0; tries < DOWNTIME_TRIES && !this.isOver; tries++) {
      try {
        await own.setMaxDowntime(domain, downtimeLimitMs)
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, DOWNTIME_TRY_MS).unref())
      }
    }
  }

  private async finish(own: Libvirt, ended: Promise<MigrationEnd>, target: HostLink): Promise<CallEnd> {
    const end = await ended
    this.isOver = true
    if (end.kind === 'succeeded' && this.figures === undefined) {
      await Promise.race([this.figuresCame, pause(FIGURES_WAIT_MS)])
      this.figures ??= await this.figuresOnTarget(target)
    }
    this.own = undefined
    await own.close()
    return callEnd(end, this.figures)
  }

  /** After pre-copy the target has them as well; after post-copy it has none. */
  private async figuresOnTarget(target: HostLink): Promise<MoveFigures | undefined> {
    try {
      return await target.use(async (libvirt) => {
        const domain = await findVm(libvirt, this.intent.order.vmId)
        if (domain === undefined) return undefined
        return completedFigures(libvirt, domain)
      })
    } catch {
      return undefined
    }
  }
}

export function noPeer({ id, uri }: LibvirtHost): string {
  return `${id} has no URI by which other hosts reach it (${uri} leads to a socket here). Set peerUri, like qemu+tls://its-name/system`
}

function neverSent(reason: string): MoveCall {
  return { kind: 'never-sent', reason }
}

function callEnd(end: MigrationEnd, figures: MoveFigures | undefined): CallEnd {
  const told = figures === undefined ? {} : { figures }
  if (end.kind === 'succeeded') return { kind: 'succeeded', reason: 'libvirt says that it moved', ...told }
  const reason = end.error.message
  const isFinished = end.error instanceof LibvirtRemoteError && end.error.number === LIBVIRT_ERROR.migrationFinished
  if (isFinished) return { kind: 'succeeded', reason: `it moved, and the clean-up failed: ${reason}`, ...told }
  // What was never sent after all has failed for sure.
  return { kind: end.kind === 'unknown' ? 'unknown' : 'failed', reason, ...told }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
