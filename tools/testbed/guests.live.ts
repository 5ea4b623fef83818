import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readDimension } from '../../src/terms/personality.ts'
import { hallmarks, nearestRecorded, watchGuests, type Watched } from './watch-guests.ts'
import { WORKLOADS } from './loads.ts'
import { whyNoTestbed } from './testbed.ts'

const skip = whyNoTestbed()
const watched: Watched | undefined = skip === false ? await watchGuests({ windows: 1, moves: 2 }) : undefined
after(() => watched?.end())

test('an agent in a guest on a real hypervisor reports over TLS, and over virtio-serial', { skip }, () => {
  assert.ok(watched)
  for (const { vm, vectors } of watched.guests) assert.ok(vectors.length > 0, vm)
})

test('a live migration loses no vector and doubles none, whichever way they leave', { skip }, () => {
  assert.ok(watched)
  for (const { vm, vectors, moves, made } of watched.guests) {
    assert.ok(moves >= 2, `${vm} was moved ${moves} times`)
    // One run of the agent numbers its vectors from 0; those kept are all of them, each once.
    assert.equal(new Set(vectors.map(({ sender }) => sender)).size, 1, `${vm}: the agent was not started again`)
    assert.deepEqual(
      vectors.map(({ sequence }) => sequence),
      vectors.map((_, i) => i),
      vm,
    )
    assert.ok(vectors.length >= made, `${vm}: ${vectors.length} vectors of ${made} that were made by then`)
  }
})

test('five kinds of work are told apart by what marks each', { skip }, () => {
  assert.ok(watched)
  for (const { kind, dimension } of hallmarks) {
    const valueOf = (of: string): number =>
      Math.max(
        ...watched.windows
          .filter((window) => window.kind === of)
          .map(({ vector }) => readDimension(vector, dimension) ?? 0),
      )
    const others = WORKLOADS.filter((other) => other !== kind)
    for (const other of others) assert.ok(valueOf(kind) > valueOf(other), `${dimension} of ${kind} and of ${other}`)
  }
})

test('each window is nearest to the recorded personality of its own kind of work', { skip }, () => {
  assert.ok(watched)
  assert.deepEqual(
    watched.windows.map(({ vector }) => nearestRecorded(vector).kind),
    watched.windows.map(({ kind }) => kind),
  )
})
