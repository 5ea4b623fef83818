import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { FakeEventSource } from '../../../tools/web/fake-events.ts'
import { compileRunes } from '../../../tools/web/runes.ts'

compileRunes()
const { Live } = await import('./live.svelte.ts')

beforeEach(() => {
  FakeEventSource.put()
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
})

function aLive() {
  const live = new Live()
  const heard: unknown[] = []
  const stop = live.listen(['turn', 'alert', 'reconnected'], (name, data) => heard.push([name, data]))
  live.open()
  return { live, heard, stop }
}

test('events are heard by who listens for them, with what they say, until they listen no more', () => {
  const { live, heard, stop } = aLive()
  FakeEventSource.last.open()
  assert.equal(live.isConnected, true)
  FakeEventSource.last.tell('turn', '{"turn":4}')
  FakeEventSource.last.tell('migration', '{}')
  stop()
  FakeEventSource.last.tell('turn', '{"turn":5}')
  assert.deepEqual(heard, [['turn', { turn: 4 }]])
})

test('an event whose data is no JSON is told all the same: something happened', () => {
  const { heard } = aLive()
  FakeEventSource.last.tell('alert', '<html>')
  assert.deepEqual(heard, [['alert', undefined]])
})

test('after a break everybody asks anew, for what was told meanwhile was not heard', () => {
  const { live, heard } = aLive()
  FakeEventSource.last.open()
  FakeEventSource.last.break()
  assert.equal(live.isConnected, false)
  FakeEventSource.last.open()
  assert.deepEqual([live.isConnected, heard, FakeEventSource.opened.length], [true, [['reconnected', undefined]], 1])
})

test('once the stream breaks it is said, and no second time while it is away', () => {
  const { live, heard } = aLive()
  live.listen(['lost'], (name) => heard.push(name))
  // Nobody was heard yet: nothing is lost.
  FakeEventSource.last.break()
  FakeEventSource.last.open()
  FakeEventSource.last.break()
  FakeEventSource.last.break()
  assert.deepEqual(heard, ['lost'])
})

test('where the server dropped events everybody asks anew', () => {
  const { heard } = aLive()
  FakeEventSource.last.open()
  FakeEventSource.last.tell('missed', '{"count":3}')
  assert.deepEqual(heard, [['reconnected', undefined]])
})

test('a stream that was refused is opened anew after a while', () => {
  const { heard } = aLive()
  FakeEventSource.last.open()
  FakeEventSource.last.break({ isRefused: true })
  mock.timers.tick(2999)
  assert.equal(FakeEventSource.opened.length, 1)
  mock.timers.tick(1)
  assert.equal(FakeEventSource.opened.length, 2)
  FakeEventSource.last.open()
  assert.deepEqual(heard, [['reconnected', undefined]])
})

test('one that is closed stays closed, and is opened once, however often that is asked', () => {
  const { live } = aLive()
  live.open()
  assert.equal(FakeEventSource.opened.length, 1)
  FakeEventSource.last.break({ isRefused: true })
  live.close()
  mock.timers.tick(60_000)
  assert.deepEqual([FakeEventSource.opened.length, live.isConnected], [1, false])
})
