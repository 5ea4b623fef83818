/** What other wishes would have made of the last day. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Check } from 'typebox/value'
import { TurnBench } from '../../../../tools/server/turn-bench.ts'
import type { HostId, OrderId, VmId } from '../../../terms/ids.ts'
import { HOUR_MS, MINUTE_MS } from '../../../terms/units.ts'
import { PreviewResultView } from '../views/preview.ts'
import { compare } from './compare.ts'
import type { WishedTexts } from './job.ts'
import { compareMoves, type ReplayedMove, undoMoves } from './replay.ts'

const bench = new TurnBench()
const ALWAYS = '{"timeZone":"UTC","windows":[],"blackouts":[]}'

before(async () => {
  await bench.open(30 * HOUR_MS)
})
after(() => bench.close())

function wishes(policy: object = {}, rest: Partial<WishedTexts> = {}): WishedTexts {
  const automation = { level: 'full', isPaused: false } as const
  return { policy: JSON.stringify(policy), automation, moveTimes: ALWAYS, optOuts: [], ...rest }
}

async function under(current: WishedTexts, proposed: WishedTexts, spanMs = 8 * HOUR_MS): Promise<PreviewResultView> {
  const shares: number[] = []
  const task = { place: { data: '' }, now: bench.now, spanMs, current, proposed }
  const result = await compare(bench.store, task, (share) => void shares.push(share))
  assert.ok(Check(PreviewResultView, result))
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => a - b),
  )
  assert.equal(shares.at(-1), 1)
  return result
}

test('the same wishes make the same day, and what is not exact is said', async () => {
  const { current, proposed, moves, approximations, from, to, turns, vms } = await under(wishes(), wishes())
  assert.deepEqual(current, proposed)
  assert.ok(current.moves > 0)
  assert.ok(moves.every(({ under: side, isCarriedOut }) => side === 'both' && isCarriedOut))
  assert.ok(moves.every(({ at }) => at >= from && at < to))
  // 8 h of five minutes.
  assert.deepEqual([to - from, turns, vms], [8 * HOUR_MS, 96, bench.site.vms.length])
  assert.ok(approximations.length >= 5)
})

test('a policy that empties no hosts moves less and takes more energy, and the moves that would not have been are named', async () => {
  const { current, proposed, moves } = await under(wishes(), wishes({ consolidation: { isEnabled: false } }))
  assert.ok(proposed.moves < current.moves)
  assert.ok(proposed.energyKwh > current.energyKwh)
  const gone = moves.filter(({ under: side }) => side === 'current')
  assert.ok(gone.some(({ class: kind }) => kind === 'energy'))
  assert.ok(moves.every(({ class: kind, under: side }) => kind !== 'energy' || side === 'current'))
})

test('at a lower level, in a blackout and paused nothing moves by itself, and what would have been proposed says why', async () => {
  const lower = await under(wishes(), wishes({}, { automation: { level: 'partial', isPaused: false } }))
  assert.equal(lower.proposed.moves, 0)
  assert.ok(lower.proposed.proposals > 0)
  assert.match(lower.moves.find(({ held }) => held !== undefined)?.held ?? '', /a person approves it/)
  const blackouts = [{ from: bench.now - 48 * HOUR_MS, to: bench.now + HOUR_MS, reason: 'year’s end' }]
  const moveTimes = JSON.stringify({ timeZone: 'UTC', windows: [], blackouts })
  const dark = await under(wishes(), wishes({}, { moveTimes }))
  assert.equal(dark.proposed.moves, 0)
  assert.match(dark.moves.find(({ held }) => held !== undefined)?.held ?? '', /year’s end/)
  const paused = await under(wishes(), wishes({}, { automation: { level: 'full', isPaused: true } }))
  assert.deepEqual([paused.proposed.moves, paused.proposed.proposals], [0, 0])
})

test('a VM that is left alone makes no move on that side alone, whichever side it is, and one that nobody knows is named', async () => {
  const plain = await under(wishes(), wishes())
  const { vm } = plain.moves[0]
  const alone = wishes({}, { optOuts: [vm] })
  const movesOf = ({ moves }: PreviewResultView, side: string): number =>
    moves.filter((move) => move.vm === vm && (move.under === side || move.under === 'both')).length
  const added = await under(wishes(), alone)
  assert.deepEqual(added.current, plain.current)
  assert.ok(movesOf(added, 'current') > 0)
  assert.equal(movesOf(added, 'proposed'), 0)
  const takenBack = await under(alone, wishes())
  assert.deepEqual([takenBack.current, takenBack.proposed], [added.proposed, added.current])
  assert.equal(movesOf(takenBack, 'current'), 0)
  assert.equal(added.approximations.length, plain.approximations.length)
  const unknown = await under(wishes(), wishes({}, { optOuts: ['nobody'] }))
  assert.deepEqual(unknown.proposed, plain.proposed)
  assert.match(unknown.approximations.at(-1) ?? '', /past of nobody: .* changes nothing/)
})

test('what moved since is undone, the newest first', () => {
  const [vm, a, b, c] = ['vm-1' as VmId, 'a' as HostId, 'b' as HostId, 'c' as HostId]
  const since = [
    { vmId: vm, from: b },
    { vmId: vm, from: a },
    { vmId: 'gone' as VmId, from: c },
  ]
  assert.deepEqual(undoMoves(new Map([[vm, c]]), since), new Map([[vm, a]]))
})

function aMove(vm: string, from: string, minute: number): ReplayedMove {
  const order = { id: `o-${vm}-${minute}` as OrderId, vmId: vm as VmId, from: from as HostId, to: 'x' as HostId }
  const at = minute * MINUTE_MS
  return { at, order: { ...order, decidedAt: at, class: 'contention', reason: '' } }
}

test('two moves are one where the same VM leaves the same host within an hour', () => {
  const sides = compareMoves(
    [aMove('1', 'a', 0), aMove('2', 'a', 0), aMove('3', 'a', 0)],
    [aMove('1', 'a', 60), aMove('2', 'b', 1), aMove('3', 'a', 61)],
  )
  assert.deepEqual(
    sides.map(({ order, at, under: side }) => [order.vmId, at / MINUTE_MS, side]),
    [
      ['2', 0, 'current'],
      ['3', 0, 'current'],
      ['2', 1, 'proposed'],
      ['1', 60, 'both'],
      ['3', 61, 'proposed'],
    ],
  )
})
