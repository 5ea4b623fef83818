import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { FakeEventSource } from '../../../tools/web/fake-events.ts'
import { compileRunes } from '../../../tools/web/runes.ts'
import { settled, SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

compileRunes()
const { Loaded } = await import('./loaded.svelte.ts')
const { live } = await import('./live.svelte.ts')

let server = new SlowServer()
beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
  FakeEventSource.put()
  live.close()
  live.open()
  server = new SlowServer()
})

function aLoaded(on: readonly string[] = ['turn']) {
  const api = new Api(server.fetch)
  return new Loaded<{ n: number }>((signal) => api.ask('/v1/n', { signal }), { on })
}

const asked = (): number => server.asked.length

test('it is asked at once, and until it is told nothing is known', async () => {
  const it = aLoaded()
  assert.deepEqual([it.value, it.failure, it.isLoading, it.isStale, asked()], [undefined, undefined, true, false, 1])
  await server.last.answer({ n: 0 })
  assert.deepEqual([it.value, it.isLoading, it.isStale], [{ n: 0 }, false, false])
  assert.equal(typeof it.heardAt, 'number')
  it.end()
})

test('an event leads to one more asking, however many come', async () => {
  const it = aLoaded()
  await server.last.answer({ n: 1 })
  for (let i = 0; i < 20; i++) FakeEventSource.last.tell('turn')
  FakeEventSource.last.tell('alert')
  mock.timers.tick(1000)
  assert.equal(asked(), 2)
  await server.last.answer({ n: 2 })
  mock.timers.tick(60_000)
  assert.deepEqual([it.value, asked()], [{ n: 2 }, 2])
  it.end()
})

test('an event that comes while it is being asked is not lost: the answer may be older', async () => {
  const it = aLoaded()
  FakeEventSource.last.tell('turn')
  mock.timers.tick(10_000)
  assert.equal(asked(), 1)
  await server.last.answer({ n: 1 })
  mock.timers.tick(1000)
  assert.equal(asked(), 2)
  it.end()
})

test('what was heard stays after a failure, is old, and is asked again by itself, later each time', async () => {
  const it = aLoaded()
  await server.last.answer({ n: 1 })
  FakeEventSource.last.tell('turn')
  mock.timers.tick(1000)
  await server.last.fail()
  assert.deepEqual([it.value, it.failure?.code, it.isStale], [{ n: 1 }, 'unreachable', true])
  for (const waitMs of [2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = asked()
    mock.timers.tick(waitMs - 1)
    assert.equal(asked(), before, `${waitMs}`)
    mock.timers.tick(1)
    assert.equal(asked(), before + 1, `${waitMs}`)
    await server.last.answer({ error: { code: 'busy', message: 'Busy.' } }, 503)
  }
  mock.timers.tick(30_000)
  await server.last.answer({ n: 2 })
  assert.deepEqual([it.value, it.failure, it.isStale], [{ n: 2 }, undefined, false])
  it.end()
})

test('what was refused for good is not asked again by itself, but when it may have changed', async () => {
  const it = aLoaded()
  await server.last.answer({ error: { code: 'unknown', message: 'No.' } }, 404)
  mock.timers.tick(600_000)
  assert.deepEqual([asked(), it.failure?.status, it.isStale], [1, 404, false])
  FakeEventSource.last.tell('turn')
  mock.timers.tick(1000)
  assert.equal(asked(), 2)
  it.end()
})

test('after a break of the stream it is asked anew, whatever it listens to', async () => {
  const it = aLoaded([])
  FakeEventSource.last.open()
  await server.last.answer({ n: 1 })
  FakeEventSource.last.break()
  FakeEventSource.last.open()
  mock.timers.tick(1000)
  assert.equal(asked(), 2)
  it.end()
})

test('once it has ended it asks no more, and what it asked is dropped', async () => {
  const it = aLoaded()
  it.end()
  await settled()
  FakeEventSource.last.tell('turn')
  it.again()
  mock.timers.tick(600_000)
  assert.deepEqual([asked(), it.value, it.failure], [1, undefined, undefined])
})
