import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KilledMove, killDuringMove, type KillPoint } from '../../tools/moves/kills.ts'
import { Luck } from '../terms/luck.ts'

/** More lines than any move here writes. */
const LINES_MOST = 9

test('a process killed at every line of the journal, before it is durable and just after, loses, doubles and repeats nothing', async () => {
  const kinds: readonly Partial<KillPoint>[] = [{}, { isCancelled: true }, { silentMs: 40_000 }, { manner: 'queued' }]
  for (const kind of kinds)
    for (let line = 0; line < LINES_MOST; line++)
      for (const isDurable of [false, true])
        checkWhole(
          await killDuringMove({ ...kind, seed: line, at: { line, isDurable } }),
          JSON.stringify([kind, line, isDurable]),
        )
})

test('a process killed at 200 instants of a move loses, doubles and repeats nothing', async () => {
  const luck = new Luck(1)
  for (let i = 0; i < 200; i++) {
    const ms = luck.fraction() * 18_000
    checkWhole(await killDuringMove({ seed: i, at: { ms } }), `kill ${i} at ${ms} ms`)
  }
})

test('with replies lost before or after the platform heard, a migration begins once at most, and its end is found out', async () => {
  for (let seed = 0; seed < 60; seed++)
    for (const manner of ['lost-before', 'lost-after', 'deaf', 'liar'] as const) {
      const killed = await killDuringMove({ seed, at: { ms: seed * 300 }, manner })
      checkWhole(killed, `${manner}, seed ${seed}`)
      if (manner === 'lost-before') assert.equal(killed.tasks, 0)
    }
})

function checkWhole({ violations, steps, calls, tasks }: KilledMove, about: string): void {
  assert.deepEqual(violations, [], about)
  assert.ok(calls <= 1 && tasks <= calls, `${about}: ${calls} calls, ${tasks} migrations`)
  if (steps.length === 0) assert.equal(calls, 0, about)
  else assert.deepEqual([steps[0], steps.at(-1)], ['intent', 'closed'], about)
}
