/** Turns come every minute, and what VMs use is known by slots of five. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { initialThreshold } from '../../engine/learn/threshold.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { slotOf } from '../../terms/usage.ts'
import { encodeLearnt } from './rebuild.ts'
import { AUTOMATION_SETTING } from './site-settings.ts'
import type { TurnPacket } from './turn-packet.ts'
import { TurnTaker } from './turn-taker.ts'

class MinuteBench extends TurnBench {
  override newTaker(): TurnTaker {
    const { store, clock } = this
    return new TurnTaker({ store, clock, everyMs: MINUTE_MS, token: () => this.token })
  }

  /** A minute passes, hosts report, and a turn is taken. */
  async minute(): Promise<TurnPacket> {
    this.now += MINUTE_MS
    await this.site.tellReports(this.store, this.now, MINUTE_MS)
    return this.turn()
  }

  /** Trigger bits of the first host, as the newest turn's line keeps them. */
  async triggers(): Promise<number> {
    const lines = (await this.store.journal.last(10)).filter(({ line }) => line.startsWith('{"kind":"turn"'))
    const { kept } = JSON.parse(lines.at(-1)?.line ?? '{}') as { readonly kept?: { readonly triggers?: object } }
    return (kept?.triggers as Record<string, number> | undefined)?.[this.site.hosts[0].id] ?? 0
  }
}

const benches: MinuteBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

async function aBench(): Promise<MinuteBench> {
  const bench = new MinuteBench()
  benches.push(bench)
  await bench.open(HOUR_MS)
  bench.site.hostOf.forEach((host, vm) => {
    if (host === 0) bench.site.pressure.set(vm, 1)
  })
  return bench
}

test('the past grows by a window with each slot, however many turns a slot has', async () => {
  const bench = await aBench()
  const seen: { readonly samplesAt: number; readonly windows: number }[] = []
  for (let turn = 0; turn < 16; turn++) {
    const { before, observation } = await bench.minute()
    seen.push({ samplesAt: observation.samples.at, windows: before.cpuHistory.length })
  }
  const windowsOf = new Map<number, Set<number>>()
  for (const { samplesAt, windows } of seen)
    windowsOf.set(samplesAt, (windowsOf.get(samplesAt) ?? new Set()).add(windows))
  const slots = [...windowsOf.values()].map((windows) => [...windows])
  assert.ok(slots.length >= 3)
  assert.ok(slots.every((windows) => windows.length === 1))
  slots.slice(1).forEach(([windows], i) => assert.equal(windows, slots[i][0] + 1))
})

test('a trigger is counted once a slot, after a restart within the slot too', async () => {
  const bench = await aBench()
  const bySlot = new Map<number, Set<number>>()
  for (let turn = 0; turn < 14; turn++) {
    // Nobody remembers: as after a crash.
    if (turn === 7) bench.taker = bench.newTaker()
    const { observation } = await bench.minute()
    const bits = await bench.triggers()
    bySlot.set(observation.samples.at, (bySlot.get(observation.samples.at) ?? new Set()).add(bits))
  }
  // No slot but the one amid which contention came in sight adds more than its own bit.
  const most = [...bySlot.values()].map((bits) => Math.max(...[...bits].map((value) => value.toString(2).length)))
  most.slice(1).forEach((length, i) => assert.ok(length <= most[i] + 1, most.join()))
  assert.ok(Math.max(...most) >= 2)
})

test('a slot’s turns order no more between them than one turn may', async () => {
  const bench = await aBench()
  const bySlot = new Map<number, number>()
  let most = 0
  for (let turn = 0; turn < 16; turn++) {
    const { observation, result, policy } = await bench.minute()
    const slot = slotOf(observation.samples.at)
    bySlot.set(slot, (bySlot.get(slot) ?? 0) + (result?.orders.length ?? 0))
    most = policy.gates.movesPerTurnMax ?? Infinity
  }
  assert.ok(Math.max(...bySlot.values()) > 0)
  assert.ok([...bySlot.values()].every((orders) => orders <= most))
})

test('what hosts told is fresh for two of their own intervals, however fast turns come, and no longer', async () => {
  for (const [reportsMs, isOldAfterFour] of [
    [5 * MINUTE_MS, false],
    [MINUTE_MS, true],
  ] as const) {
    const bench = await aBench()
    bench.now += MINUTE_MS
    await bench.site.tellReports(bench.store, bench.now, reportsMs)
    await bench.turn()
    bench.now += 4 * MINUTE_MS
    const { held } = await bench.turn()
    assert.equal(
      held.some((reason) => reason.startsWith('The newest host report')),
      isOldAfterFour,
      `reports every ${reportsMs} ms`,
    )
  }
})

test('who raises automation forgives what moves have lost, for good; who lowers it does not', async () => {
  const bench = await aBench()
  const learnt = encodeLearnt({ ...initialThreshold(), strikes: 2 })
  await bench.store.journal.append(learnt, bench.now, bench.token)
  const strikesAt = async (level: string): Promise<number> => {
    await bench.store.settings.set(AUTOMATION_SETTING, JSON.stringify({ level }), { who: 'ann', at: bench.now })
    return (await bench.minute()).before.threshold.strikes
  }
  assert.deepEqual([await strikesAt('advisory'), await strikesAt('shadow')], [2, 2])
  assert.deepEqual([await strikesAt('advisory'), await strikesAt('advisory'), await strikesAt('shadow')], [0, 0, 0])
})
