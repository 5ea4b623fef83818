import assert from 'node:assert/strict'
import { dimensionIndex } from '../terms/personality.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../terms/units.ts'
import type { Sentences } from './register.contract.ts'
import type { SiteStoreSubject } from './site-store.contract.ts'
import { type Arrivals, RETENTION, type SiteStore } from './site-store.ts'
import { arrivalsOf, aVector, DB, letIn, NEVER, NOON, WEB } from './site-store-parts.contract.ts'

const PHASE = dimensionIndex('phase')
const ALL = { from: 0, to: NEVER, most: 1000 }

/** Vectors: what is taken, what is found of it, and what time makes of it. */
export const VECTOR_SENTENCES: Sentences<SiteStoreSubject> = {
  'a VM that nobody let in is shut out': async ({ store }) => {
    assert.deepEqual(await store.vectors.take([arrivalsOf([aVector()])]), [{ kind: 'shut-out', because: 'unknown' }])
    assert.deepEqual(await store.vectors.latest(), [])
  },
  'a vector comes back as it was told': async ({ store }) => {
    await letIn(store, WEB)
    const vector = aVector({ numbers: { cpuRefCoresMean: 0.1, changeScore: -3, phase: 2, memoryUsedBytes: 7e9 } })
    await store.vectors.take([arrivalsOf([vector], { at: NOON + 3, isClockOff: [true] })])
    const kept = { vector, arrivedAt: NOON + 3, isClockOff: true }
    assert.deepEqual(await store.vectors.latest(), [kept])
    assert.deepEqual(await store.vectors.history(WEB, ALL), [kept])
    const identity = await store.identities.find(WEB)
    assert.deepEqual([identity?.heardAt, identity?.isClockOff, identity?.vectorsKept], [NOON + 3, true, 1])
  },
  'arrivals of several VMs are judged in one go, each by itself': async ({ store }) => {
    await letIn(store, WEB)
    const intakes = await store.vectors.take([
      arrivalsOf([aVector({ sequence: 1 }), aVector({ sequence: 2 }), aVector({ sequence: 2 })]),
      arrivalsOf([aVector({ vmId: DB })]),
    ])
    assert.deepEqual(intakes, [
      { kind: 'heard', outcomes: ['accepted', 'accepted', 'duplicate'] },
      { kind: 'shut-out', because: 'unknown' },
    ])
    assert.deepEqual((await store.identities.find(WEB))?.counts, { accepted: 2, duplicates: 1 })
  },
  'the same bytes again are a duplicate, other bytes under their number are for the rule': async ({ store }) => {
    await letIn(store, WEB, DB)
    const first = aVector({ sequence: 1 })
    const second = aVector({ sequence: 2 })
    await take(store, arrivalsOf([first, second]))
    assert.deepEqual(await take(store, arrivalsOf([first])), { kind: 'heard', outcomes: ['duplicate'] })
    const other = aVector({ sequence: 1, numbers: { cpuRefCoresMean: 9 } })
    assert.deepEqual(await take(store, arrivalsOf([second, other, aVector({ sequence: 3 })])), {
      kind: 'heard',
      outcomes: ['duplicate'],
      quarantine: 'two vectors are number 1',
    })
    assert.deepEqual(await take(store, arrivalsOf([aVector({ sequence: 3 })])), {
      kind: 'shut-out',
      because: 'quarantined',
    })
  },
  'quarantine keeps apart what came since the newest sender was heard': async ({ store }) => {
    await letIn(store, WEB)
    const good = aVector({ sender: 'one', sequence: 1 })
    const doubtful = aVector({ sender: 'two', sequence: 1, windowEnd: NOON + MINUTE_MS })
    await take(store, arrivalsOf([good]))
    await take(store, arrivalsOf([doubtful]))
    await take(store, arrivalsOf([aVector({ sender: 'one', sequence: 2, windowEnd: NOON + 2 * MINUTE_MS })]))
    const identity = await store.identities.find(WEB)
    assert.deepEqual(identity?.quarantine, { at: NOON + 2 * MINUTE_MS, reason: 'one goes on' })
    assert.deepEqual([identity?.vectorsKept, identity?.vectorsKeptApart], [2, 1])
    assert.deepEqual(await store.vectors.latest(), [])
    await store.identities.release(WEB)
    assert.equal((await store.identities.find(WEB))?.isReleased, true)
    assert.deepEqual(
      (await store.vectors.latest()).map(({ vector }) => vector),
      [good],
    )
    assert.deepEqual(
      (await store.vectors.history(WEB, ALL)).map(({ vector }) => vector.sender),
      ['one'],
    )
    const next = aVector({ sender: 'one', sequence: 2, windowEnd: NOON + 3 * MINUTE_MS })
    assert.deepEqual(await take(store, arrivalsOf([next])), { kind: 'heard', outcomes: ['accepted'] })
    assert.equal((await store.identities.find(WEB))?.isReleased, false)
  },
  'a replay of what was kept apart is known': async ({ store }) => {
    await letIn(store, WEB)
    const doubtful = aVector({ sender: 'two', sequence: 5 })
    await take(store, arrivalsOf([aVector({ sender: 'one', sequence: 1 })]))
    await take(store, arrivalsOf([doubtful]))
    await take(store, arrivalsOf([aVector({ sender: 'one', sequence: 2 })]))
    await store.identities.release(WEB)
    assert.deepEqual(await take(store, arrivalsOf([doubtful])), { kind: 'heard', outcomes: ['duplicate'] })
  },
  'refused lines are counted with what is heard': async ({ store }) => {
    await letIn(store, WEB)
    const intake = await take(store, arrivalsOf([], { vm: WEB, at: NOON + 5, counts: { 'refused: schema': 2 } }))
    assert.deepEqual(intake, { kind: 'heard', outcomes: [] })
    const identity = await store.identities.find(WEB)
    assert.deepEqual([identity?.heardAt, identity?.counts], [NOON + 5, { 'refused: schema': 2 }])
  },
  'latest is one of each VM by name, the newest, and on request those after an instant': async ({ store }) => {
    await letIn(store, WEB, DB)
    await take(store, arrivalsOf([aVector({ sequence: 1 }), aVector({ sequence: 2 })], { at: NOON + 1 }))
    await take(store, arrivalsOf([aVector({ vmId: DB })], { at: NOON + 2 }))
    const told = (await store.vectors.latest()).map(({ vector }) => [vector.vmId, vector.sequence])
    assert.deepEqual(told, [
      [DB, 0],
      [WEB, 2],
    ])
    assert.deepEqual(
      (await store.vectors.latest(NOON + 1)).map(({ vector }) => vector.vmId),
      [DB],
    )
  },
  'a history is cut by span and number, the newest stay, the oldest comes first': async ({ store }) => {
    await letIn(store, WEB)
    for (let i = 0; i < 6; i++) await take(store, arrivalsOf([aVector({ sequence: i, windowEnd: NOON + i })]))
    const history = await store.vectors.history(WEB, { from: NOON + 1, to: NOON + 5, most: 3 })
    assert.deepEqual(
      history.map(({ vector }) => vector.sequence),
      [2, 3, 4],
    )
    assert.deepEqual(await store.vectors.history(DB, ALL), [])
  },
  'a new sender takes over with its own numbers': async ({ store }) => {
    await letIn(store, WEB)
    await take(store, arrivalsOf([aVector({ sender: 'one', sequence: 50 })]))
    const intake = await take(store, arrivalsOf([aVector({ sender: 'two', sequence: 0 })]))
    assert.deepEqual(intake, { kind: 'heard', outcomes: ['accepted'] })
    const late = aVector({ sender: 'one', sequence: 49 })
    assert.deepEqual(await take(store, arrivalsOf([late])), { kind: 'heard', outcomes: ['duplicate'] })
  },
  'a replay of a sender that the rule has forgotten is known by its bytes': async ({ store, beside }) => {
    await letIn(store, WEB)
    const senders = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const sender of senders) await take(store, arrivalsOf([aVector({ sender, sequence: 7 })]))
    const replay = arrivalsOf([aVector({ sender: 'a', sequence: 7 })])
    assert.deepEqual(await take(store, replay), { kind: 'heard', outcomes: ['duplicate'] })
    const other = await beside()
    assert.deepEqual(await take(other, replay), { kind: 'heard', outcomes: ['duplicate'] })
    await other.close()
  },
  'after two days one vector an hour is left, within a thousandth of what it was': async ({ store }) => {
    await letIn(store, WEB)
    const start = NOON - (NOON % HOUR_MS)
    for (let i = 1; i <= 36; i++) {
      const numbers = { cpuRefCoresMean: i / 7, changeScore: -i, phase: i % 16, swapBytesPerSec: 0 }
      await take(store, arrivalsOf([aVector({ sequence: i, windowEnd: start + i * 5 * MINUTE_MS - 1, numbers })]))
    }
    await tendAll(store, NOON + 4 * DAY_MS)
    const history = await store.vectors.history(WEB, ALL)
    // 36 windows of five minutes are three hours.
    assert.equal(history.length, 3)
    for (const { vector } of history) {
      assert.ok(Math.abs((vector.values[0] * 7) / vector.sequence - 1) < 0.001)
      const whole = aVector({ sequence: vector.sequence, numbers: { phase: vector.sequence % 16 } })
      assert.equal(vector.values[PHASE], whole.values[PHASE])
      assert.equal(vector.sender, 'agent-1')
    }
    assert.deepEqual(
      history.map(({ arrivedAt }) => Math.floor((arrivedAt - start) / HOUR_MS)),
      [0, 1, 2],
    )
  },
  'what came while the clock was a year ahead does not keep what came after it': async ({ store }) => {
    await letIn(store, WEB, DB)
    const start = NOON - (NOON % HOUR_MS)
    await take(store, arrivalsOf([aVector({ sequence: 1 }), aVector({ sequence: 2 })], { at: NEVER }))
    for (let i = 1; i <= 12; i++)
      await take(store, arrivalsOf([aVector({ vmId: DB, sequence: i, windowEnd: start + i * 5 * MINUTE_MS - 1 })]))
    // While they are young nothing goes, not even of the time that is still to come.
    await tendAll(store, start + HOUR_MS)
    assert.equal((await store.identities.find(WEB))?.vectorsKept, 2)
    assert.equal((await store.vectors.history(DB, ALL)).length, 12)
    await tendAll(store, NOON + 4 * DAY_MS)
    assert.equal((await store.vectors.history(DB, ALL)).length, 1)
  },
  'the newest vector of a silent VM stays when the others are thinned out': async ({ store }) => {
    await letIn(store, WEB, DB)
    for (let i = 0; i < 4; i++)
      await take(store, arrivalsOf([aVector({ sequence: i, windowEnd: NOON + i * MINUTE_MS })]))
    await tendAll(store, NOON + 3 * DAY_MS)
    const [latest] = await store.vectors.latest()
    assert.deepEqual(latest?.vector, aVector({ sequence: 3, windowEnd: NOON + 3 * MINUTE_MS }))
    const late = aVector({ sequence: 4, windowEnd: NOON + 3 * DAY_MS })
    assert.deepEqual(await take(store, arrivalsOf([late])), { kind: 'heard', outcomes: ['accepted'] })
    assert.equal((await store.vectors.latest())[0]?.vector.sequence, 4)
  },
  'after a month the hourly vectors go as well': async ({ store }) => {
    await letIn(store, WEB)
    await take(store, arrivalsOf([aVector({ sequence: 1 })]))
    await take(store, arrivalsOf([aVector({ sequence: 2, windowEnd: NOON + HOUR_MS })]))
    await tendAll(store, NOON + 4 * DAY_MS)
    assert.equal((await store.vectors.history(WEB, ALL)).length, 2)
    await tendAll(store, NOON + 33 * DAY_MS)
    assert.deepEqual(await store.vectors.history(WEB, ALL), [])
    assert.equal((await store.identities.find(WEB))?.vectorsKept, 0)
  },
}

async function take(store: SiteStore, arrivals: Arrivals): Promise<unknown> {
  const [intake] = await store.vectors.take([arrivals])
  return intake
}

/** Until there is nothing more to do. */
export async function tendAll(store: SiteStore, at: number): Promise<void> {
  for (let i = 0; i < 1000; i++) if ((await store.upkeep.tend(at, RETENTION)).isDone) return
  assert.fail('Upkeep does not come to an end.')
}
