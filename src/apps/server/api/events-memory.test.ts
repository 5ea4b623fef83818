/** What readers of events that read nothing keep in memory: some, and no more. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { KiB, MiB } from '../../../terms/units.ts'
import type { Caller } from './doorman.ts'
import { type EndReason, Events } from './events.ts'

const ends: EndReason[] = []
const events = new Events({
  perToken: 10,
  inAll: 10,
  isStillGood: async () => true,
  ended: (reason) => void ends.push(reason),
})
after(() => events.close())

const CALLER: Caller = { key: 'token', name: 'wall', person: 'wall', role: 'viewer' }
const NAMES = new Set(['host'])
/** Of text that takes two bytes a character. */
const LONG = 'é'.repeat(8 * KiB)
const LONG_BYTES = Buffer.byteLength(LONG) + 100

/** A connection of which nothing is ever read: what is written to it stays. */
class Unread extends Writable {
  constructor() {
    super({ write: () => undefined })
  }

  writeHead(): this {
    return this
  }

  asResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }
}

test('a reader that reads nothing has a mebibyte kept for it at most, and is dropped', () => {
  const unread = new Unread()
  events.open(unread.asResponse(), CALLER, { names: NAMES })
  let most = 0
  let told = 0
  for (; events.count > 0 && told < 1000; told++) {
    events.tell({ name: 'host', at: told, text: LONG })
    if (events.count > 0) most = unread.writableLength
  }
  assert.ok(most > MiB / 2 && most <= MiB + LONG_BYTES, `${most} B`)
  // A mebibyte is 64 of them.
  assert.ok(told >= 60 && told <= 66, `dropped after ${told}`)
  assert.deepEqual(ends, ['stalled'])
  assert.ok(unread.destroyed)
})

test('one that comes back for what it missed and reads nothing has a quarter of that, and is dropped after two signs of life', async () => {
  const unread = new Unread()
  for (let i = 0; i < 1000; i++) events.tell({ name: 'host', at: i, text: LONG })
  events.open(unread.asResponse(), CALLER, { names: NAMES, lastId: 'ffffffff-1' })
  const kept = unread.writableLength
  assert.ok(kept > 256 * KiB && kept <= 256 * KiB + LONG_BYTES, `${kept} B`)
  events.tell({ name: 'host', at: 0, text: LONG })
  await events.beat()
  assert.equal(events.count, 1)
  assert.ok(unread.writableLength < kept + KiB, 'what happens meanwhile waits, and is no more than a sign of life')
  await events.beat()
  assert.equal(events.count, 0)
  assert.ok(unread.destroyed)
  assert.deepEqual(ends, ['stalled', 'stalled'])
})
