/** Moves as the controller's process tells them: JSON that the main process hands on, in the form of `MovesNowView`. */
import { LEDGER_MODELS } from '../../engine/learn/models.ts'
import { type MoveLedger, sumUp } from '../../engine/learn/move-ledger.ts'
import type { IntentRecord } from '../../engine/migration/intent-record.ts'
import type { FactorBelief } from '../../engine/migration/pair-learning.ts'
import { budgetsNow } from '../../engine/migration/start-budgets.ts'
import { MOVE_LIMITS, type MoveSite } from '../../engine/migration/start-guards.ts'
import type { MoverView } from '../../loop/mover-view.ts'
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import type { Evacuation } from './evacuation.ts'
import { type Objection, objectionView } from './objections.ts'
import type { Proposal } from './proposals.ts'
import type { SiteSettings } from './site-settings.ts'

/** Of moves that ended, the newest; the journal has them all. */
const ENDED_SHOWN = 100
const OPEN_SHOWN = 1000
const STUCK_SHOWN = 200
const PAIRS_SHOWN = 500
const BUDGET_HOSTS_SHOWN = 20

export interface MovesNow {
  readonly at: EpochMs
  /** Absent: none is configured. */
  readonly driver?: string
  readonly settings?: SiteSettings
  readonly view?: MoverView
  /** What is known of the cluster, for budgets. Absent: nothing yet. */
  readonly site?: MoveSite
  readonly proposals: readonly Proposal[]
  readonly objections: readonly Objection[]
  readonly evacuations: readonly Evacuation[]
  /** Absent: nothing is promised. */
  readonly ledger?: MoveLedger
}

export function movesText({
  at,
  driver,
  settings,
  view,
  site,
  proposals,
  objections,
  evacuations,
  ledger,
}: MovesNow): string {
  return JSON.stringify({
    asOf: at,
    ...(driver === undefined ? {} : { driver }),
    ...(settings === undefined ? {} : { level: settings.automation.level, isPaused: settings.automation.isPaused }),
    holds: (view?.holds ?? []).map(({ name, since, reason }) => ({ name, since, reason })),
    open: (view?.open ?? []).slice(0, OPEN_SHOWN).map(({ record, follow }) => ({
      ...moveView(record),
      ...(follow.progress === undefined ? {} : { progress: follow.progress }),
    })),
    ended: (view?.ended ?? []).slice(-ENDED_SHOWN).toReversed().map(moveView),
    proposals: proposals.map(({ order, held, endsAt }) => ({
      id: order.id,
      vm: order.vmId,
      from: order.from,
      to: order.to,
      class: order.class,
      reason: order.reason,
      ...(order.move === undefined
        ? {}
        : { gain: order.move.gain, cost: order.move.cost, confidence: order.move.confidence }),
      ...(held === undefined ? {} : { held }),
      decidedAt: order.decidedAt,
      endsAt,
    })),
    objections: objections.map(objectionView),
    ...(ledger === undefined ? {} : { ledger: ledgerView(ledger) }),
    evacuations: evacuations.map((evacuation) => evacuationView(evacuation, settings)),
    ...(view === undefined ? {} : { budgets: budgetsView(view, site) }),
    frozenVms: Object.fromEntries(view?.frozenVms ?? []) as object,
    frozenHosts: Object.fromEntries(view?.frozenHosts ?? []) as object,
    leftAlone: Object.fromEntries(view?.yielded ?? []) as object,
    alerts: (view?.alerts ?? []).map(({ severity, what, vmId, text, commands }) => ({
      severity,
      what,
      vm: vmId,
      text,
      commands,
    })),
  })
}

/** One move, for whoever asks. */
export function moveView({
  intent,
  state,
  recordedAt,
  sentAt,
  acceptedAt,
  seenAt,
  frozen,
  closed,
  progress,
}: IntentRecord) {
  const { order, cause, promise, terms } = intent
  return {
    id: order.id,
    vm: order.vmId,
    from: order.from,
    to: order.to,
    class: order.class,
    reason: order.reason,
    cause: {
      kind: cause.kind,
      ...(cause.kind === 'policy' ? {} : { who: cause.who }),
      ...(cause.kind === 'evacuation' ? { host: cause.hostId } : {}),
    },
    mode: terms.mode,
    state,
    recordedAt,
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(acceptedAt === undefined ? {} : { acceptedAt }),
    ...(seenAt === undefined ? {} : { seenAt }),
    ...(frozen === undefined ? {} : { frozen: { since: frozen.at, reason: frozen.reason, detail: frozen.detail } }),
    ...(progress === undefined ? {} : { progress: progress.told }),
    ...(promise === undefined ? {} : { promise, promiseModel: LEDGER_MODELS.promise }),
    ...(closed === undefined ? {} : { endedAt: closed.at, detail: closed.detail }),
    ...(closed?.figures === undefined ? {} : { figures: closed.figures }),
  }
}

/** By how much each pair's moves have come to differ from the model, and how good promises were. */
function ledgerView(ledger: MoveLedger) {
  const pairs = [...ledger.pairs].slice(-PAIRS_SHOWN).map(([key, { total, downtime, bytes, ends }]) => {
    const [from, to] = key.split(' ')
    return {
      from,
      to,
      total: factorView(total),
      downtime: factorView(downtime),
      bytes: factorView(bytes),
      verdicts: { moves: ends.moves, shift: ends.shift },
    }
  })
  return { ...sumUp(ledger), open: ledger.open.size, pairs }
}

function factorView({ moves, mean }: FactorBelief) {
  return moves === 0 ? {} : { moves, factor: Math.exp(mean) }
}

function budgetsView({ starts, at }: MoverView, site: MoveSite | undefined) {
  const budgets = budgetsNow({ starts, now: at, limits: MOVE_LIMITS, site })
  return budgets.map(({ hosts, ...budget }) => {
    return { ...budget, spanMs: HOUR_MS, hosts: hosts.slice(0, BUDGET_HOSTS_SHOWN) }
  })
}

function evacuationView({ hostId, vms, leaving, stuck }: Evacuation, settings: SiteSettings | undefined) {
  const wish = settings?.maintenances.get(hostId)
  return {
    host: hostId,
    ...(wish === undefined ? {} : { who: wish.who, since: wish.at, reason: wish.reason, isForced: wish.isForced }),
    vms,
    leaving,
    stuck: stuck.slice(0, STUCK_SHOWN).map(({ vmId, reason }) => ({ vm: vmId, reason })),
  }
}

/** Tells by two looks whether anything has come about that people are told of. */
export function keyOf({ open, ended, frozenHosts }: MoverView): string {
  return `${open.map(({ record }) => `${record.intent.order.id} ${record.state}`).join()} ${ended.length} ${frozenHosts.size}`
}
