import type { IntentRecord } from '../engine/migration/intent-record.ts'
import { isReversal, type OwnMove, shouldYield, YIELD_MS } from '../engine/migration/foreign-moves.ts'
import { HOST_UNKNOWN, type HostState, type Inventory, type MigrationInFlight } from '../terms/cluster.ts'
import type { HostId, OrderId, VmId } from '../terms/ids.ts'
import type { ForeignMove, IntentEnd, MigrationIntent } from '../terms/intent.ts'
import type { MigrationEnd, MigrationOrder } from '../terms/move.ts'
import type { Lack, Refused, Verdict } from '../terms/ranking.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../terms/units.ts'
import { HypervisorError, type HypervisorErrorCode } from '../world/errors.ts'
import type { Hypervisor } from '../world/hypervisor.ts'
import type { Mover } from './mover.ts'

export interface MovingOptions {
  /** Who tells what runs where: `ReportedHypervisor`. It is never asked to move anything. */
  readonly base: Hypervisor
  readonly mover: Mover
  /** What an order becomes: its cause, and its terms and promise by the cost model. A refusal: it may not be carried out now. */
  readonly intentOf: (order: MigrationOrder) => MigrationIntent | Refused
  /** Who is named by a cancel that comes from the loop. */
  readonly who?: string
}

/** A VM that has arrived is where it was seen to arrive for so long, whatever older reports say. */
const REPORTS_LAG_MS = 3 * MINUTE_MS
const FOREIGN_MOST = 1000

/** A platform known by what hosts report, with moves carried out by a `Mover`. */
export class MovingHypervisor implements Hypervisor {
  readonly name: string
  private readonly options: MovingOptions
  private readonly toldEnds = new Set<OrderId>()
  private readonly lastHostOf = new Map<VmId, HostId>()
  private seenForeign: ForeignMove[] = []
  private reversals: ForeignMove[] = []
  private latest: Inventory | undefined

  constructor(options: MovingOptions) {
    this.options = options
    this.name = `${options.base.name}, moving`
  }

  /** The newest, oldest of them first. */
  get foreignMoves(): readonly ForeignMove[] {
    return this.seenForeign
  }

  /** The clock was set forward by so much. */
  clockStepped(steppedMs: number): void {
    const later = (move: ForeignMove): ForeignMove => ({ ...move, seenAt: move.seenAt + steppedMs })
    this.seenForeign = this.seenForeign.map(later)
    this.reversals = this.reversals.map(later)
  }

  async inventory(): Promise<Inventory> {
    const told = await this.options.base.inventory()
    const { open, ended, frozenVms, frozenHosts } = this.options.mover.view()
    const hostIndex = new Map<HostId, number>(told.hosts.map(({ id }, h) => [id, h]))
    const vmIndex = new Map<VmId, number>(told.vms.map(({ id }, v) => [id, v]))
    const hostOf = told.hostOf.slice()
    const put = (vmId: VmId, host: HostId | undefined): void => {
      const v = vmIndex.get(vmId)
      if (v !== undefined) hostOf[v] = host === undefined ? HOST_UNKNOWN : (hostIndex.get(host) ?? HOST_UNKNOWN)
    }
    for (const { intent, closed } of ended) {
      const isNews = closed?.state === 'done' && told.at - closed.at < REPORTS_LAG_MS
      if (isNews) put(intent.order.vmId, intent.order.to)
    }
    for (const { record } of open) put(record.intent.order.vmId, record.intent.order.from)
    for (const vmId of frozenVms.keys()) put(vmId, undefined)
    const ours = open.map(({ record }) => inFlight(record))
    const others = told.migrations.filter(({ vmId }) => !ours.some((migration) => migration.vmId === vmId))
    const hostStates = told.hosts.map(
      ({ id }, h): HostState => (frozenHosts.has(id) ? 'unreachable' : told.hostStates[h]),
    )
    this.latest = { ...told, hostOf, hostStates, migrations: [...ours, ...others], ended: this.newEnds(ended) }
    this.noteForeign(this.latest, ended)
    return this.latest
  }

  async preflight(order: MigrationOrder): Promise<Verdict> {
    const intent = this.options.intentOf(order)
    if ('kind' in intent) return intent
    if (this.options.mover.isKnown(order.id)) return { kind: 'fits' }
    const refusal = refusalOf(await this.peek(), order)
    if (refusal !== undefined) return refusal
    return (await this.options.mover.judge(intent)) ?? { kind: 'fits' }
  }

  async begin(order: MigrationOrder): Promise<void> {
    if (this.options.mover.isKnown(order.id)) return
    const intent = this.options.intentOf(order)
    if ('kind' in intent) throw asError(intent)
    const refusal = refusalOf(this.latest ?? (await this.inventory()), order)
    if (refusal !== undefined) throw asError(refusal)
    const submission = await this.options.mover.submit(intent)
    if (submission.kind === 'refused') throw asError(submission.refusal)
  }

  async cancel(vmId: VmId): Promise<void> {
    await this.options.mover.cancel(vmId, this.options.who ?? 'the loop')
  }

  /** As the last inventory: reading it anew would take the ends away from the next turn. */
  private async peek(): Promise<Inventory> {
    return this.latest ?? this.inventory()
  }

  private newEnds(ended: readonly IntentRecord[]): readonly MigrationEnd[] {
    const ends: MigrationEnd[] = []
    const kept = new Set(ended.map(({ intent }) => intent.order.id))
    for (const id of this.toldEnds) if (!kept.has(id)) this.toldEnds.delete(id)
    for (const record of ended) {
      const { id } = record.intent.order
      if (this.toldEnds.has(id) || record.closed === undefined) continue
      this.toldEnds.add(id)
      ends.push(endOf(record, record.closed))
    }
    return ends
  }

  /** A VM that changed its host without a move of ours was moved by somebody else. */
  private noteForeign({ at, hosts, vms, hostOf, migrations }: Inventory, ended: readonly IntentRecord[]): void {
    const own = ended.flatMap((record) => ownMove(record))
    const moving = new Set(migrations.map(({ vmId }) => vmId))
    for (let v = 0; v < vms.length; v++) {
      const { id: vmId } = vms[v]
      const host = hostOf[v] === HOST_UNKNOWN ? undefined : hosts[hostOf[v]].id
      if (host === undefined || moving.has(vmId)) continue
      const before = this.lastHostOf.get(vmId)
      this.lastHostOf.set(vmId, host)
      if (before === undefined || before === host || isOurs(own, vmId, before, host, at)) continue
      this.noteForeignMove({ vmId, from: before, to: host, seenAt: at }, own)
    }
    for (const vmId of this.lastHostOf.keys()) {
      if (this.lastHostOf.size <= vms.length) break
      if (!vms.some(({ id }) => id === vmId)) this.lastHostOf.delete(vmId)
    }
  }

  private noteForeignMove(move: ForeignMove, own: readonly OwnMove[]): void {
    this.seenForeign = [...this.seenForeign, move].slice(-FOREIGN_MOST)
    if (!isReversal(move, own)) return
    this.reversals = [...this.reversals, move].slice(-FOREIGN_MOST)
    if (shouldYield(move.vmId, this.reversals, move.seenAt))
      void this.options.mover.leaveAlone(move.vmId, move.seenAt + YIELD_MS)
  }
}

function ownMove({ intent: { order }, closed }: IntentRecord): readonly OwnMove[] {
  if (closed?.state !== 'done') return []
  return [{ vmId: order.vmId, from: order.from, to: order.to, doneAt: closed.at }]
}

function isOurs(own: readonly OwnMove[], vmId: VmId, from: HostId, to: HostId, at: EpochMs): boolean {
  return own.some((move) => move.vmId === vmId && move.from === from && move.to === to && at - move.doneAt < HOUR_MS)
}

function inFlight({ intent: { order }, sentAt, recordedAt }: IntentRecord): MigrationInFlight {
  return { orderId: order.id, vmId: order.vmId, from: order.from, to: order.to, startedAt: sentAt ?? recordedAt }
}

const RESULTS: Readonly<Record<IntentEnd, MigrationEnd['result']>> = {
  done: 'done',
  'not-started': 'failed',
  failed: 'failed',
  aborted: 'cancelled',
  'lost-by-fault': 'lost',
}

/** Where the platform told no figure, the last progress stands in for it, and then the promise: it is what the ledger reckons with. */
function endOf(record: IntentRecord, { state, at, figures }: NonNullable<IntentRecord['closed']>): MigrationEnd {
  const { order, promise } = record.intent
  const isSent = record.sentAt !== undefined
  const estimate = isSent ? (promise ?? order.move?.estimate) : undefined
  return {
    orderId: order.id,
    vmId: order.vmId,
    from: order.from,
    to: order.to,
    result: RESULTS[state],
    startedAt: record.sentAt ?? record.recordedAt,
    endedAt: at,
    copiedBytes: figures?.copiedBytes ?? record.progress?.told.copiedBytes ?? estimate?.copiedBytes ?? 0,
    downtimeMs: figures?.downtimeMs ?? (state === 'done' ? (estimate?.downtimeMs ?? 0) : 0),
  }
}

function refusalOf(inventory: Inventory, { vmId, from, to }: MigrationOrder): Coded | undefined {
  const { hosts, hostStates, vms, hostOf, migrations } = inventory
  const vm = vms.findIndex(({ id }) => id === vmId)
  const target = hosts.findIndex(({ id }) => id === to)
  if (vm < 0) return no('location-unknown', `No host tells of a VM ${vmId}.`, 'unknown-vm')
  if (target < 0) return no('host-state', `No host ${to} is registered.`, 'unknown-host')
  if (migrations.some((migration) => migration.vmId === vmId))
    return no('in-flight', `${vmId} is being migrated, or two hosts claim it.`)
  if (hostOf[vm] === HOST_UNKNOWN) return no('location-unknown', `Nobody knows for sure where ${vmId} runs.`)
  const { id } = hosts[hostOf[vm]]
  if (id === to) return no('same-host', `${vmId} runs on ${to} already.`)
  if (id !== from) return no('location-unknown', `${vmId} runs on ${id}, not ${from}.`)
  if (hostStates[target] !== 'on') return no('host-state', `${to} is ${hostStates[target]}.`)
  return hostStates[hostOf[vm]] === 'unreachable' ? no('host-state', `${from} is unreachable.`) : undefined
}

interface Coded extends Refused {
  readonly code?: HypervisorErrorCode
}

function asError(refusal: Coded): HypervisorError {
  const code = refusal.code ?? (refusal.lacking === 'in-flight' ? 'busy' : 'refused')
  return new HypervisorError(code, refusal.reason)
}

function no(lacking: Lack, reason: string, code?: HypervisorErrorCode): Coded {
  return { kind: 'refused', lacking, shortBy: 1, reason, ...(code === undefined ? {} : { code }) }
}
