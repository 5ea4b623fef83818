/** Reliability test 44 in its small form; the whole is `npm run test:long -- anti-flap`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countFlaps, judgeFlaps } from '../../tools/anti-flap/oracle.ts'
import { live } from '../../tools/anti-flap/run.ts'
import { SHAPES, VMS } from '../../tools/anti-flap/shapes.ts'
import { parseHostId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { HOUR_MS } from '../terms/units.ts'
import { anOrder } from '../simulator/builders.ts'
import { ethos } from './turn.ts'

for (const name of [
  'constant',
  'step',
  'diurnal',
  'noise',
  'flash crowd',
  'sawtooth 120',
  'square 20',
  'square 240',
  'seesaw 60',
  'seesaw 240',
]) {
  test(`under ${name} load nobody goes to and fro, and budgets hold`, async () => {
    const { orders, advice, untilMs } = await live({ balancer: ethos, shape: SHAPES[name], hours: 24, seed: 1 })
    const count = countFlaps(orders, untilMs)
    assert.deepEqual(judgeFlaps(count, VMS), [])
    assert.deepEqual(advice, [])
    assert.ok(count.moves > 0, 'hosts begin too full, so that there is something to do')
    if (name === 'constant') assert.equal(count.afterSettled, 0)
  })
}

function order(vm: number, from: number, to: number, hours: number): MigrationOrder {
  return { ...anOrder(vm, from, to, `order-${hours}`), decidedAt: hours * HOUR_MS }
}

const DAY = 24 * HOUR_MS

test('the oracle bites', () => {
  const there = order(0, 0, 1, 1)
  assert.equal(countFlaps([there, order(0, 1, 0, 5)], DAY).returns, 1)
  assert.equal(countFlaps([there, order(0, 1, 0, 8)], DAY).returns, 0)
  const five = [0, 1, 2, 3, 4].map((i) => ({ ...order(i, 0, i + 1, 2 + i / 10), from: parseHostId('host-0') }))
  assert.equal(countFlaps(five, DAY).perHostHour, 5)
  assert.equal(judgeFlaps(countFlaps(five, DAY), VMS).length, 1)
  assert.equal(countFlaps([order(0, 0, 1, 0.5), order(1, 0, 1, 3)], DAY).afterSettled, 1)
})
