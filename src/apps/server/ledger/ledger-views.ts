/** What the ledger's routes answer, of what was folded. */
import { regretOf } from '../../../engine/learn/hindsight.ts'
import { LEDGER_MODELS } from '../../../engine/learn/models.ts'
import { MiB } from '../../../terms/units.ts'
import type { EpochMs } from '../../../terms/units.ts'
import type { Policy } from '../../../terms/policy.ts'
import type { LedgerMoveView, LedgerSpan, LedgerStayView } from '../views/ledger.ts'
import type { CoverageBook } from './coverage-book.ts'
import { type BookedMove, endOf, isDone } from './moves-book.ts'

/** @param now of who asks */
export function moveView(move: BookedMove, { prices }: Policy, now: EpochMs): LedgerMoveView {
  const { order, record, outcome, foreseen, settleAt } = move
  const { hindsight } = move
  const regret = regretView(move, prices)
  return {
    id: order.id,
    vm: order.vmId,
    from: order.from,
    to: order.to,
    class: order.class,
    reason: order.reason,
    decidedAt: order.decidedAt,
    state: record?.state ?? 'not-carried-out',
    ...(settleAt === undefined ? {} : { settlesAt: settleAt }),
    ...(outcome === undefined ? {} : { settledAt: outcome.settledAt }),
    ...(order.move === undefined ? {} : { confidence: order.move.confidence }),
    ...worth('gain', LEDGER_MODELS.gain, order.move?.gain, outcome?.realisedGain),
    ...worth('cost', LEDGER_MODELS.cost, order.move?.cost, outcome?.realisedCost),
    migration: migrationView(move),
    ...contentionView(foreseen, hindsight?.wouldHaveCome),
    ...(hindsight === undefined || hindsight === null
      ? {}
      : {
          unserved: {
            model: LEDGER_MODELS.hindsight,
            withMove: hindsight.withMove,
            hadItStayed: hindsight.hadItStayed,
            slots: hindsight.windows,
          },
        }),
    ...(regret === undefined ? {} : { regret }),
    unknown: unknownOf(move, now),
  }
}

function worth(
  name: 'gain' | 'cost',
  model: string,
  promised: number | undefined,
  realised: number | undefined,
): Pick<LedgerMoveView, 'gain' | 'cost'> {
  if (promised === undefined && realised === undefined) return {}
  const told = {
    model,
    ...(promised === undefined ? {} : { promised }),
    ...(realised === undefined ? {} : { realised }),
  }
  return { [name]: told }
}

function contentionView(
  foreseen: BookedMove['foreseen'],
  came: boolean | undefined,
): Pick<LedgerMoveView, 'contention'> {
  if (foreseen === undefined && came === undefined) return {}
  return {
    contention: {
      model: foreseen?.model ?? LEDGER_MODELS.contention,
      ...(foreseen === undefined ? {} : { foreseen: foreseen.contention }),
      ...(came === undefined ? {} : { came }),
    },
  }
}

function migrationView({ record, told }: BookedMove): LedgerMoveView['migration'] {
  const promise = record?.intent.promise
  const figures = record?.closed?.figures
  const bytesRange = told?.bytesMibRange
  const total = figure(promise?.totalMs, told?.totalMsRange, figures?.totalMs)
  const downtime = figure(promise?.downtimeMs, told?.downtimeMsRange, figures?.downtimeMs)
  const bytes = figure(
    promise?.copiedBytes,
    bytesRange === undefined ? undefined : [bytesRange[0] * MiB, bytesRange[1] * MiB],
    figures?.copiedBytes,
  )
  return {
    ...(promise === undefined ? {} : { model: LEDGER_MODELS.promise }),
    ...(total === undefined ? {} : { totalMs: total }),
    ...(downtime === undefined ? {} : { downtimeMs: downtime }),
    ...(bytes === undefined ? {} : { copiedBytes: bytes }),
  }
}

/** Undefined: neither is known. */
function figure(
  promised: number | undefined,
  range: readonly [number, number] | undefined,
  realised: number | undefined,
): LedgerMoveView['migration']['totalMs'] {
  if (promised === undefined && realised === undefined) return undefined
  return {
    ...(promised === undefined ? {} : { promised }),
    ...(range === undefined ? {} : { range: [...range] }),
    ...(realised === undefined ? {} : { realised }),
  }
}

/** Undefined where it is not known: `unknownOf` says why. */
function regretView(move: BookedMove, prices: Policy['prices']): LedgerMoveView['regret'] {
  const { outcome, hindsight, order, others = [] } = move
  const { realisedGain } = outcome ?? {}
  if (outcome === undefined || realisedGain === undefined || !isDone(move)) return undefined
  const model = LEDGER_MODELS.hindsight
  if (order.class === 'energy') {
    // Watts of other places are not kept: against staying alone, as the engine settled it.
    const net = realisedGain - outcome.realisedCost
    return { model, value: Math.max(0, -net), best: net < 0 ? 'staying' : 'this-move', compared: 0 }
  }
  if (hindsight === undefined || hindsight === null) return undefined
  const { value, best, compared } = regretOf(hindsight, outcome.realisedCost, prices)
  if (typeof best === 'string') return { model, value, best, compared }
  return { model, value, best: 'another-host', host: others[best.other], compared }
}

/** What is left out, and why. */
function unknownOf(move: BookedMove, now: EpochMs): string[] {
  const { order, record, outcome, hindsight, slots, others } = move
  if (record === undefined) return ['Nobody carried it out, so that nothing came of it.']
  if (record.closed === undefined) return ['It has not ended: nothing is known of what comes of it.']
  if (!isDone(move)) return ['The VM stayed where it was: there is no gain, and nothing to regret but the try.']
  const said: string[] = []
  if (order.move === undefined) said.push('Gain and cost were not reckoned: a person ordered it, or a host is emptied.')
  else if (outcome === undefined)
    said.push(
      now < endOf(move)
        ? 'The span that the gain was promised for is not over.'
        : 'Its gain was not settled: turns were left out, or the VM was moved on.',
    )
  if (hindsight === null) said.push('The VM was not measured at its new place.')
  else if (hindsight === undefined && now >= endOf(move))
    said.push(
      slots.length === 0
        ? 'Its hosts were not recorded together after it: more hosts than are kept, or no turns.'
        : 'It is not reckoned yet: ask again.',
    )
  if (record.closed.figures === undefined) said.push('The platform told no figures of the copy.')
  if (outcome !== undefined && order.class === 'energy')
    said.push('Regret is against staying alone: what other hosts would have drawn is not kept.')
  else if (outcome !== undefined && (others ?? []).length === 0)
    said.push('Regret is against staying alone: no other host was suitable, or none was told.')
  return said
}

/** Sums of what happened from an instant on. */
export function spanView(
  from: EpochMs,
  moves: readonly LedgerMoveView[],
  stays: readonly LedgerStayView[],
  coverage: CoverageBook,
): LedgerSpan {
  const recent = moves.filter(({ decidedAt }) => decidedAt >= from)
  const done = recent.filter(({ state }) => state === 'done')
  const settled = recent.filter(({ settledAt }) => settledAt !== undefined)
  const told = recent.flatMap(({ unserved }) => unserved ?? [])
  const verdicts = Object.groupBy(
    stays.filter(({ lastAt }) => lastAt >= from),
    ({ verdict }) => verdict,
  )
  return {
    from,
    moves: {
      ordered: recent.length,
      carriedOut: recent.filter(({ state }) => state !== 'not-carried-out' && state !== 'not-started').length,
      done: done.length,
      settled: settled.length,
      paid: settled.filter(({ gain, cost }) => (gain?.realised ?? 0) > (cost?.realised ?? 0)).length,
    },
    gain: bothOf(recent, 'gain'),
    cost: bothOf(recent, 'cost'),
    unserved: {
      model: LEDGER_MODELS.hindsight,
      moves: told.length,
      withMoves: sumOf(told, ({ withMove }) => withMove),
      hadTheyStayed: sumOf(told, ({ hadItStayed }) => hadItStayed),
    },
    regret: regretSums(recent),
    stays: {
      right: verdicts.right?.length ?? 0,
      wrong: verdicts.wrong?.length ?? 0,
      notYetKnown: verdicts['not-yet-known']?.length ?? 0,
      unknown: verdicts.unknown?.length ?? 0,
    },
    foresight: coverage.foresight(from),
    coverage: coverage.coverage(from),
  }
}

function bothOf(moves: readonly LedgerMoveView[], name: 'gain' | 'cost'): LedgerSpan['gain'] {
  const both = moves.flatMap((move) => {
    const { promised, realised } = move[name] ?? {}
    return promised === undefined || realised === undefined ? [] : [{ promised, realised }]
  })
  return {
    moves: both.length,
    promised: sumOf(both, ({ promised }) => promised),
    realised: sumOf(both, ({ realised }) => realised),
  }
}

function regretSums(moves: readonly LedgerMoveView[]): LedgerSpan['regret'] {
  const known = moves.flatMap(({ id, regret }) => (regret === undefined ? [] : [{ id, value: regret.value }]))
  const [first, ...rest] = known
  const about = { model: LEDGER_MODELS.hindsight, moves: known.length, sum: sumOf(known, ({ value }) => value) }
  if (first === undefined) return about
  const most = rest.reduce((highest, one) => (one.value > highest.value ? one : highest), first)
  return { ...about, most: most.value, mostId: most.id }
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
