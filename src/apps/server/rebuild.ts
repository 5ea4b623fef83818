/** The engine's memory, made anew from the store: there is no checkpoint that could be stale, or of another version. */
import { initialThreshold } from '../../engine/learn/threshold.ts'
import { alignRosters } from '../../engine/roster.ts'
import type { EngineState, MoveLogEntry, ThresholdState } from '../../engine/state.ts'
import { logEntry } from '../../engine/learn/ends.ts'
import { initialState } from '../../engine/turn.ts'
import { boundedUse } from '../../drivers/reported/reported-telemetry.ts'
import type { Inventory } from '../../terms/cluster.ts'
import { parseMigrationOrder } from '../../terms/move.ts'
import { readClockLine } from '../../terms/move-record.ts'
import { ParseError, parseFields, parseJson, parseList, parseNumber } from '../../terms/parse.ts'
import type { Policy } from '../../terms/policy.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import { SLOT_MS, slotOf } from '../../terms/usage.ts'
import type { JournalLine, SiteStore } from '../../world/site-store.ts'
import { keptAfterStep, type KeptState, readKept, withKept } from './kept-state.ts'
import type { TurnResult } from './turn-packet.ts'

/** VMs whose past is read at a time: columns of all resources of so many fit in a few MB. */
const VMS_AT_ONCE = 1000
/** Lines of the journal that are read at a time, and in all: a day at a turn in five minutes is 288. */
const LINES_AT_ONCE = 1000
const LINES_MOST = 20_000
/** Lines among which the newest turn stands: moves under way write a line for each step. */
const LINES_OF_LAST_TURN = 200

/** A line of the journal, beside headers and turns: what was learnt, so that a restart need not learn it again. */
export function encodeLearnt(threshold: ThresholdState): string {
  const { bandSd, checked, exceeded, netGain, outcomes, marginFactor, doubt, strikes, coverage } = threshold
  const learnt = { checked, exceeded, netGain, outcomes, marginFactor, doubt, strikes }
  const intervals = { coverageShare: coverage.share, coverageChecked: coverage.checked }
  return JSON.stringify({ kind: 'learnt', ...(Number.isNaN(bandSd) ? {} : { bandSd }), ...learnt, ...intervals })
}

/** The state as it would be after the turns of the last day, as far as it decides anything: past demand, who moved when and from where, the width of
 *  the band and the margin, the count of turns, and what the newest turn kept: triggers of the last turns, hosts that were being emptied, when hosts
 *  came into use, open promises. Not rebuilt: bounds that the last turn drew and that the next one would have checked, what was learnt since it was
 *  last written down, and what a promise earned while no turn was taken.
 *  @param about.everyMs between turns. Absent: as long as a slot */
export async function rebuildState(
  store: SiteStore,
  inventory: Inventory,
  about: { readonly policy: Policy; readonly now: EpochMs; readonly everyMs?: number },
): Promise<EngineState> {
  const aligned = alignRosters(initialState(), inventory)
  const past = await readPast(store, about.now)
  const movedAt = Float64Array.from(aligned.movedAt)
  for (const { vmId, at } of past.moves) {
    const vm = aligned.vmIndex.get(vmId)
    if (vm !== undefined) movedAt[vm] = Math.max(movedAt[vm], at)
  }
  const rebuilt: EngineState = {
    ...aligned,
    turns: past.turns,
    lastTurnAt: past.lastTurnAt,
    cpuHistory: await readDemand(store, inventory, about),
    movedAt,
    moveLog: past.moves,
    threshold: past.threshold,
  }
  if (past.kept === undefined) return rebuilt
  return withKept(rebuilt, past.kept, { agoMs: about.now - past.lastTurnAt, everyMs: about.everyMs ?? SLOT_MS })
}

/** Past demand by window, oldest first; windows before anything was measured are left out, and the newest finished one is the turn's to add. */
async function readDemand(
  store: SiteStore,
  { vms }: Inventory,
  { policy, now }: { readonly policy: Policy; readonly now: EpochMs },
): Promise<readonly Float32Array[]> {
  const windows = Math.max(1, Math.round(policy.forecast.lookBackMs / SLOT_MS)) - 1
  const columns = await readColumns(store, vms, { windows, to: slotOf(now) - SLOT_MS })
  const first = columns.findIndex((column) => column.some((value) => !Number.isNaN(value)))
  return first < 0 ? [] : columns.slice(first)
}

/** A column for each of so many windows up to an instant, parallel to the VMs. */
async function readColumns(
  store: SiteStore,
  vms: Inventory['vms'],
  { windows, to }: { readonly windows: number; readonly to: EpochMs },
): Promise<readonly Float32Array[]> {
  const columns = Array.from({ length: windows }, () => new Float32Array(vms.length).fill(NaN))
  for (let begin = 0; begin < vms.length; begin += VMS_AT_ONCE) {
    const some = vms.slice(begin, begin + VMS_AT_ONCE)
    const ids = some.map(({ id }) => id)
    const series = await store.usage.seriesOf(ids, { from: to - windows * SLOT_MS, to, meanOf: 'cpu' })
    some.forEach((vm, i) => {
      series[i].mean.cpu?.forEach((value, k) => {
        columns[k][begin + i] = boundedUse(vm, 'cpu', value)
      })
    })
  }
  return columns
}

/** The state on today's rosters, in which VMs that were not on yesterday's have the past that the store knows of them: a host may have been
 *  silent for a while, or a VM may have run where nobody judged. @param to end of the newest window in the state */
export async function recallNewcomers(
  store: SiteStore,
  state: EngineState,
  { inventory, to }: { readonly inventory: Inventory; readonly to: EpochMs },
): Promise<EngineState> {
  const places = [...inventory.vms.keys()].filter((v) => !state.vmIndex.has(inventory.vms[v].id))
  if (places.length === 0) return state
  const aligned = alignRosters(state, inventory)
  const movedAt = Float64Array.from(aligned.movedAt)
  for (const { vmId, at } of state.moveLog) {
    const vm = aligned.vmIndex.get(vmId)
    if (vm !== undefined) movedAt[vm] = Math.max(movedAt[vm], at)
  }
  const windows = aligned.cpuHistory.length
  const newcomers = places.map((v) => inventory.vms[v])
  const past = await readColumns(store, newcomers, { windows, to })
  const cpuHistory = aligned.cpuHistory.map((column, k) => {
    const filled = Float32Array.from(column)
    for (const [i, v] of places.entries()) filled[v] = past[k][i]
    return filled
  })
  return { ...aligned, cpuHistory, movedAt }
}

/** What the newest turn in the journal concluded: for whoever did not take it. */
export async function readLastTurn(
  store: SiteStore,
): Promise<{ readonly number: number; readonly result: TurnResult } | undefined> {
  for (const { line } of (await store.journal.last(LINES_OF_LAST_TURN)).toReversed()) {
    const entry = readEntry(line)
    if (entry?.kind === 'turn') return { number: entry.number, result: { events: entry.events, orders: entry.orders } }
  }
  return undefined
}

interface Past {
  readonly turns: number
  /** -Infinity: there was none. */
  readonly lastTurnAt: EpochMs
  /** By the newest turn. Absent: it kept nothing that can be read. */
  readonly kept?: KeptState
  readonly moves: readonly MoveLogEntry[]
  readonly threshold: ThresholdState
}

async function readPast(store: SiteStore, now: EpochMs): Promise<Past> {
  let newest: TurnEntry | undefined
  let threshold: ThresholdState | undefined
  const moves: MoveLogEntry[] = []
  // By so much the clock was set forward after what is read now.
  let steppedMs = 0
  let newestSteppedMs = 0
  for await (const { line, at } of newestFirst(store)) {
    if (at + steppedMs < now - DAY_MS && newest !== undefined) break
    const entry = readEntry(line)
    if (entry?.kind === 'clock') steppedMs += entry.steppedMs
    if (entry?.kind === 'learnt') threshold ??= entry.threshold
    if (entry?.kind !== 'turn') continue
    if (newest === undefined) newestSteppedMs = steppedMs
    newest ??= entry
    if (now - at - steppedMs >= DAY_MS) continue
    const log = entry.orders.map((order) => ({ ...logEntry(order), at: order.decidedAt + steppedMs }))
    moves.push(...log.toReversed())
  }
  return {
    turns: newest === undefined ? 0 : newest.number + 1,
    lastTurnAt: newest === undefined ? -Infinity : newest.at + newestSteppedMs,
    ...(newest?.kept === undefined ? {} : { kept: keptAfterStep(newest.kept, newestSteppedMs) }),
    moves: moves.reverse(),
    threshold: threshold ?? initialThreshold(),
  }
}

async function* newestFirst(store: SiteStore): AsyncGenerator<JournalLine> {
  let page = await store.journal.last(LINES_AT_ONCE)
  for (let read = 0; page.length > 0 && read < LINES_MOST; read += LINES_AT_ONCE) {
    yield* page.toReversed()
    const first = page[0].number
    if (first <= 0) return
    const from = Math.max(0, first - LINES_AT_ONCE)
    page = (await store.journal.from(from, LINES_AT_ONCE)).filter(({ number }) => number < first)
  }
}

type TurnEntry = Pick<TurnResult, 'events' | 'orders'> & {
  readonly kind: 'turn'
  readonly number: number
  /** Of what was seen; its orders were decided then. */
  readonly at: EpochMs
  readonly kept?: KeptState
}
type Entry =
  | TurnEntry
  | { readonly kind: 'learnt'; readonly threshold: ThresholdState }
  | { readonly kind: 'clock'; readonly steppedMs: number }

/** Undefined for lines of other kinds, and for those of a version that we do not know. */
function readEntry(line: string): Entry | undefined {
  const isOurs = line.startsWith('{"kind":"turn"') || line.startsWith('{"kind":"learnt"')
  if (!isOurs && !line.startsWith('{"kind":"mover"')) return undefined
  try {
    const step = readClockLine(line)
    if (!isOurs) return step === undefined ? undefined : { kind: 'clock', steppedMs: step.steppedMs }
    const fields = parseFields(parseJson(line, 'line'), 'line')
    if (fields['kind'] === 'learnt') return { kind: 'learnt', threshold: parseLearnt(fields) }
    const kept = readKept(fields['kept'])
    const orders = parseList(fields['orders'], 'line.orders').map((order) => parseMigrationOrder(order))
    return {
      kind: 'turn',
      number: parseNumber(fields['turn'], 'line.turn', { min: 0, integer: true }),
      at: parseNumber(fields['at'], 'line.at', { min: 0 }),
      orders,
      ...(kept === undefined ? {} : { kept }),
      // Written by a turn of ours, and chained: only its form is looked at.
      events: parseList(fields['events'], 'line.events').map((event) => parseFields(event, 'event')) as never,
    }
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function parseLearnt(fields: Readonly<Record<string, unknown>>): ThresholdState {
  const number = (name: string, bounds: { readonly min?: number; readonly max?: number } = {}): number =>
    parseNumber(fields[name], `line.${name}`, bounds)
  return {
    ...initialThreshold(),
    ...(fields['bandSd'] === undefined ? {} : { bandSd: number('bandSd', { min: 0, max: 100 }) }),
    checked: number('checked', { min: 0 }),
    exceeded: number('exceeded', { min: 0 }),
    netGain: number('netGain'),
    outcomes: number('outcomes', { min: 0 }),
    marginFactor: number('marginFactor', { min: 1, max: 100 }),
    ...parseSelfDoubt(fields, number),
  }
}

/** Absent in lines of earlier versions, which did not doubt themselves. */
function parseSelfDoubt(
  fields: Readonly<Record<string, unknown>>,
  number: (name: string, bounds?: { readonly min?: number; readonly max?: number }) => number,
): Partial<ThresholdState> {
  if (fields['strikes'] === undefined) return {}
  const doubt = parseFields(fields['doubt'], 'line.doubt')
  return {
    strikes: number('strikes', { min: 0 }),
    doubt: {
      moves: parseNumber(doubt['moves'], 'line.doubt.moves', { min: 0 }),
      net: parseNumber(doubt['net'], 'line.doubt.net'),
    },
    coverage: {
      ...initialThreshold().coverage,
      share: number('coverageShare', { min: 0, max: 1 }),
      checked: number('coverageChecked', { min: 0 }),
    },
  }
}
