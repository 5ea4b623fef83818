/** The last day under two sets of wishes: the site's own past is read once and lived through twice. */
import { ReportedHypervisor } from '../../../drivers/reported/reported-hypervisor.ts'
import { HOST_UNKNOWN } from '../../../terms/cluster.ts'
import { type HostId, parseVmId, type VmId } from '../../../terms/ids.ts'
import { readMoveLine } from '../../../terms/move-record.ts'
import type { MigrationOrder } from '../../../terms/move.ts'
import { ParseError, parseJson } from '../../../terms/parse.ts'
import { parsePolicy } from '../../../terms/policy.ts'
import { type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, slotOf } from '../../../terms/usage.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import { UsageError } from '../../usage-error.ts'
import { PLAN_MODELS } from '../answer-models.ts'
import { VM_STEPS_MAX } from '../backtests/job.ts'
import { ownSetup } from '../backtests/own-span.ts'
import { parseMoveTimes } from '../move-times.ts'
import type { PreviewResultView } from '../views/preview.ts'
import { pinned } from '../wished-hypervisor.ts'
import type { PreviewTask, WishedTexts } from './job.ts'
import {
  compareMoves,
  replay,
  type Replayed,
  type ReplayedMove,
  type ReplayGround,
  undoMoves,
  type Wished,
} from './replay.ts'

/** So much past a turn looks back on at most. */
const WARM_MS_MAX = 6 * HOUR_MS
const MOVES_SHOWN = 1000
const NAMES_SHOWN = 3
const PAGE = 500
const LINES_MOST = 50_000

const APPROXIMATIONS = [
  'Usage is kept in means of five minutes, as it was corrected later, and turns come as often: shorter peaks are not seen.',
  'Where each VM ran when the span began is reckoned back from where it runs now by the moves that we carried out; what others moved meanwhile is not undone.',
  'Hosts, sizes, pins and groups are those of now; hosts that were silent, in doubt or being emptied count as on, and VMs that have gone are left out.',
  'Moves end as the simulator’s physics has them, and what a platform refuses or warns of is not known; nobody approves a proposal.',
  'What guests said of their work, what hosts did beside their VMs, and what was learnt before the span are not in it.',
]

export async function compare(
  store: SiteStore,
  task: PreviewTask,
  onProgress: (share: number) => void,
): Promise<PreviewResultView> {
  const [current, proposed] = [readWished(task.current), readWished(task.proposed)]
  const seen = await new ReportedHypervisor(store, { now: () => task.now }).inventory()
  if (seen.hosts.length === 0 || seen.vms.length === 0)
    throw new UsageError('site', undefined, 'No host that is registered tells of a VM: there is nothing to replay.')
  const to = slotOf(task.now)
  const lookBackMs = Math.max(current.policy.forecast.lookBackMs, proposed.policy.forecast.lookBackMs)
  const warmMs = Math.min(WARM_MS_MAX, Math.ceil(lookBackMs / SLOT_MS) * SLOT_MS)
  const stepsMost = Math.floor(VM_STEPS_MAX / seen.vms.length)
  const spanMs = Math.min(task.spanMs, stepsMost * SLOT_MS - warmMs)
  if (spanMs < HOUR_MS)
    throw new UsageError('site', `${seen.vms.length} VMs`, 'They are more than can be replayed for an hour.')
  const span = { from: to - spanMs - warmMs, to }
  const setup = await ownSetup(store, seen, { ...span, seed: 1 })
  const ended = await movesSince(store, to - spanMs)
  const ground = {
    setup,
    hostAtBegin: hostsAtBegin(seen, ended),
    beginAt: span.from,
    warmMs,
    contentionFraction: current.policy.contention.highFraction,
  }
  const { steps } = setup.demand
  const before = await replay(leavingAlone(ground, task.current), current, (step) => onProgress((step + 1) / steps / 2))
  const after = await replay(leavingAlone(ground, task.proposed), proposed, (step) =>
    onProgress(0.5 + (step + 1) / steps / 2),
  )
  const moves = compareMoves(before.moves, after.moves)
  const cut =
    spanMs < task.spanMs
      ? [`Of so many VMs only the last ${(spanMs / HOUR_MS).toFixed(1)} h could be replayed in bounded time.`]
      : []
  return {
    from: to - spanMs,
    to,
    turns: after.turns,
    hosts: setup.fleet.hosts.length,
    vms: setup.demand.vms.length,
    current: replayRow(current, before),
    proposed: replayRow(proposed, after),
    happened: { moves: ended.length },
    moves: moves.slice(0, MOVES_SHOWN).map((move) => ({ ...moveRow(move), under: move.under })),
    movesLeftOut: Math.max(0, moves.length - MOVES_SHOWN),
    contention: contentionRows(setup.fleet.hosts, before, after),
    models: PLAN_MODELS,
    approximations: [...APPROXIMATIONS, ...cut, ...notReplayed(setup.demand.vms, task)],
  }
}

function readWished({ policy, automation, moveTimes }: WishedTexts): Wished {
  return {
    policy: parsePolicy(parseJson(policy, 'policy')),
    automation,
    moveTimes: parseMoveTimes(parseJson(moveTimes, 'moveTimes')),
  }
}

/** VMs that are left alone are as pinned ones. */
function leavingAlone(ground: ReplayGround, { optOuts }: WishedTexts): ReplayGround {
  const { setup } = ground
  const vms = pinned(setup.demand.vms, new Set(optOuts.map((name) => parseVmId(name))))
  return { ...ground, setup: { ...setup, demand: { ...setup.demand, vms } } }
}

/** A change that is of no VM there was changes nothing, and would look harmless. */
function notReplayed(vms: readonly { readonly id: VmId }[], { current, proposed }: PreviewTask): readonly string[] {
  const known = new Set<string>(vms.map(({ id }) => id))
  const [was, is] = [new Set(current.optOuts), new Set(proposed.optOuts)]
  const missing = [...was, ...is].filter((name) => was.has(name) !== is.has(name) && !known.has(name))
  if (missing.length === 0) return []
  const more = missing.length > NAMES_SHOWN ? ` and ${missing.length - NAMES_SHOWN} more` : ''
  const names = `${missing.slice(0, NAMES_SHOWN).join(', ')}${more}`
  return [`Nothing is known of the past of ${names}: whether it is left alone changes nothing in the replay.`]
}

/** As indices of hosts. VMs of which nobody knows where they run are left out. */
function hostsAtBegin(
  {
    vms,
    hosts,
    hostOf,
  }: { readonly vms: readonly { id: VmId }[]; readonly hosts: readonly { id: HostId }[]; readonly hostOf: Int32Array },
  ended: readonly MigrationOrder[],
): ReadonlyMap<VmId, number> {
  const indexOf = new Map(hosts.map(({ id }, h) => [id, h]))
  const now = new Map(
    vms.flatMap(({ id }, v) => (hostOf[v] === HOST_UNKNOWN ? [] : [[id, hosts[hostOf[v]].id] as const])),
  )
  return new Map(
    [...undoMoves(now, ended)].flatMap(([vm, host]) => {
      const h = indexOf.get(host)
      return h === undefined ? [] : [[vm, h] as const]
    }),
  )
}

/** Orders whose moves ended on their target since an instant, the newest first. */
async function movesSince({ journal }: SiteStore, since: EpochMs): Promise<readonly MigrationOrder[]> {
  const orders = new Map<string, MigrationOrder>()
  const done: string[] = []
  let end = ((await journal.last(1)).at(-1)?.number ?? -1) + 1
  const first = Math.max(0, end - LINES_MOST)
  while (end > first) {
    const page = (await journal.from(Math.max(first, end - PAGE), PAGE)).filter(({ number }) => number < end)
    for (const { line, at } of page.toReversed()) {
      const step = readStep(line)
      if (step?.step === 'closed' && step.state === 'done' && at >= since) done.push(step.orderId)
      if (step?.step === 'intent') orders.set(step.orderId, step.intent.order)
    }
    const oldest = page.at(0)
    // An intent may be older than the span in which its move ended.
    if (oldest === undefined || (oldest.at < since && done.every((id) => orders.has(id)))) break
    end = oldest.number
  }
  return done.flatMap((id) => {
    const order = orders.get(id)
    return order === undefined ? [] : [order]
  })
}

function readStep(line: string) {
  try {
    return readMoveLine(line)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function replayRow({ policy, automation }: Wished, replayed: Replayed) {
  const { moves, contentionMs, unservedCoreHours, energyKwh, copiedBytes } = replayed
  const begun = moves.filter(({ held }) => held === undefined).length
  return {
    policy: policy.name,
    level: automation.level,
    moves: begun,
    proposals: moves.length - begun,
    contentionMs: contentionMs.reduce((sum, ms) => sum + ms, 0),
    unservedCoreHours,
    energyKwh,
    copiedBytes,
  }
}

function moveRow({ at, order, held }: ReplayedMove) {
  const { vmId: vm, from, to, class: kind, reason } = order
  const waits = held === undefined ? {} : { held }
  return { at, vm, from, to, class: kind, reason, isCarriedOut: held === undefined, ...waits }
}

function contentionRows(hosts: readonly { readonly id: HostId }[], before: Replayed, after: Replayed) {
  const rows = hosts.map(({ id: host }, h) => {
    return { host, currentMs: before.contentionMs[h], proposedMs: after.contentionMs[h] }
  })
  return rows
    .filter(({ currentMs, proposedMs }) => currentMs + proposedMs > 0)
    .sort((a, b) => Math.max(b.currentMs, b.proposedMs) - Math.max(a.currentMs, a.proposedMs))
}
