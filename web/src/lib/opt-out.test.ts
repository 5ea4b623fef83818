import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'
import { SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

compileRunes()
const { OptOut } = await import('./opt-out.svelte.ts')

const wish = { vm: 'web 1', reason: 'licence' }
const contradicts = {
  error: {
    code: 'conflict',
    message: 'That contradicts what is set already.',
    remedy: 'Where it is meant all the same, ask with `isForced`.',
  },
}

function anOptOut() {
  const server = new SlowServer()
  return { server, optOut: new OptOut(new Api(server.fetch)) }
}

test('what a rule stands against may be forced, and then is', async () => {
  const { server, optOut } = anOptOut()
  const first = optOut.put(wish)
  assert.deepEqual([server.last.path, server.last.body], ['/v1/vms/web%201/opt-out', { reason: 'licence' }])
  await server.last.answer(contradicts, 409)
  assert.equal(await first, false)
  assert.equal(optOut.mayForce(wish), true)
  const second = optOut.put(wish, { isForced: true })
  assert.deepEqual(server.last.body, { reason: 'licence', isForced: true })
  await server.last.answer({})
  assert.deepEqual(
    [await second, optOut.deed.said, optOut.mayForce(wish)],
    [true, 'web 1 is left alone by force.', false],
  )
})

test('another wish than the one that was refused is not forced, whatever is asked', async () => {
  const { server, optOut } = anOptOut()
  const first = optOut.put(wish)
  await server.last.answer(contradicts, 409)
  await first
  const other = { vm: 'db-1', reason: 'licence' }
  assert.equal(optOut.mayForce(other), false)
  void optOut.put(other, { isForced: true })
  assert.deepEqual(server.last.body, { reason: 'licence' })
})

test('a server that is busy, or does not answer, is no conflict to be forced', async () => {
  const { server, optOut } = anOptOut()
  const remedy = 'Ask again soon. Where it can not wait, ask with `isForced`.'
  for (const [status, error] of [
    [503, { code: 'unavailable', message: 'Busy.', remedy }],
    [409, { code: 'conflict', message: 'Others change the same list.', remedy: 'Ask again in a moment.' }],
  ] as const) {
    const asked = optOut.put(wish)
    await server.last.answer({ error }, status)
    await asked
    assert.equal(optOut.mayForce(wish), false, error.message)
  }
  const asked = optOut.put(wish)
  await server.last.fail()
  await asked
  assert.equal(optOut.mayForce(wish), false)
})

test('without a VM or a reason nothing is asked, and while it asks nobody asks again', async () => {
  const { server, optOut } = anOptOut()
  assert.equal(await optOut.put({ vm: ' ', reason: 'x' }), false)
  assert.equal(await optOut.put({ vm: 'x', reason: ' ' }), false)
  assert.equal(server.asked.length, 0)
  void optOut.put(wish)
  assert.equal(await optOut.takeBack('web 1'), false)
  assert.equal(server.asked.length, 1)
})

test('a VM may be moved again', async () => {
  const { server, optOut } = anOptOut()
  const asked = optOut.takeBack('web 1')
  assert.deepEqual([server.last.method, server.last.path], ['DELETE', '/v1/vms/web%201/opt-out'])
  await server.last.answer({})
  assert.deepEqual([await asked, optOut.deed.said], [true, 'web 1 may be moved again.'])
})

test('what it would have made of the last day is asked for of this VM, is old once another is written, and ends when nobody looks', async () => {
  const { server, optOut } = anOptOut()
  optOut.look(' web 1 ', 'add')
  assert.deepEqual(
    [server.last.method, server.last.path, server.last.body],
    ['POST', '/v1/policy/preview', { optOuts: { add: ['web 1'] } }],
  )
  assert.deepEqual([optOut.isOldLook('web 1', 'add'), optOut.isOldLook('web', 'add')], [false, true])
  assert.equal(optOut.isOldLook('web 1', 'remove'), true)
  await server.last.answer({ id: 'p', state: 'done', progress: 1 })
  assert.equal(optOut.preview.view?.state, 'done')
  // The wish itself waits for nothing of this.
  const put = optOut.put(wish)
  assert.equal(server.last.path, '/v1/vms/web%201/opt-out')
  await server.last.answer({})
  assert.equal(await put, true)
  optOut.forget()
  assert.deepEqual([optOut.preview.about, optOut.isOldLook('db', 'add')], ['', false])
  optOut.look('web 1', 'remove')
  assert.deepEqual(server.last.body, { optOuts: { remove: ['web 1'] } })
})
