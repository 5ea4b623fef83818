import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'
import { SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

compileRunes()
const { EvacuationOrder } = await import('./evacuation-order.svelte.ts')

const wish = { host: 'kvm 1', reason: 'new disks' }
const contradicts = {
  error: {
    code: 'conflict',
    message: 'That contradicts what is set already.',
    remedy: 'Where it is meant all the same, ask with `isForced`.',
  },
}

function anOrder() {
  const server = new SlowServer()
  return { server, order: new EvacuationOrder(new Api(server.fetch)) }
}

test('a host is emptied by force only once a rule was found that stands against it', async () => {
  const { server, order } = anOrder()
  assert.equal(order.mayForce(wish), false)
  const first = order.put(wish, { isForced: true })
  assert.deepEqual([server.last.method, server.last.path], ['PUT', '/v1/hosts/kvm%201/maintenance'])
  assert.deepEqual(server.last.body, { reason: 'new disks' })
  await server.last.answer(contradicts, 409)
  assert.deepEqual([await first, order.mayForce(wish)], [false, true])
  const second = order.put({ ...wish, reason: ' new disks ' }, { isForced: true })
  assert.deepEqual(server.last.body, { reason: 'new disks', isForced: true })
  await server.last.answer({})
  assert.deepEqual([await second, order.mayForce(wish)], [true, false])
  assert.equal(order.deed.said, 'kvm 1 is in maintenance, by force: no VM goes there any more.')
})

test('another wish than the one that was refused is not forced, whatever is asked', async () => {
  const { server, order } = anOrder()
  const first = order.put(wish)
  await server.last.answer(contradicts, 409)
  await first
  for (const other of [
    { ...wish, host: 'kvm 2' },
    { ...wish, reason: 'new memory' },
  ]) {
    assert.equal(order.mayForce(other), false)
    const asked = order.put(other, { isForced: true })
    assert.deepEqual(server.last.body, { reason: other.reason })
    await server.last.answer({})
    await asked
  }
})

test('a server that is busy, or does not answer, is no rule to be passed by force', async () => {
  const { server, order } = anOrder()
  const remedy = 'Ask again soon. Where it can not wait, ask with `isForced`.'
  for (const [status, error] of [
    [503, { code: 'unavailable', message: 'Busy.', remedy }],
    [409, { code: 'conflict', message: 'Others change the same list.', remedy: 'Ask again in a moment.' }],
  ] as const) {
    const asked = order.put(wish)
    await server.last.answer({ error }, status)
    await asked
    assert.equal(order.mayForce(wish), false, error.message)
  }
  const asked = order.put(wish)
  await server.last.fail()
  await asked
  assert.equal(order.mayForce(wish), false)
})

test('without a reason nothing is asked, and while it asks nobody asks again', async () => {
  const { server, order } = anOrder()
  assert.equal(await order.put({ ...wish, reason: ' ' }), false)
  assert.equal(server.asked.length, 0)
  void order.put(wish)
  assert.equal(await order.put(wish), false)
  assert.equal(server.asked.length, 1)
})
