import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { profileRecording } from '../../src/apps/agent/agentless.ts'
import { witnessOf } from '../../src/engine/profile/distance.ts'
import { type PersonalityVector, readDimension } from '../../src/terms/personality.ts'
import { hallmarks, nearestRecorded, watchGuests, type Watched } from './watch-guests.ts'
import { WORKLOADS } from './loads.ts'
import { whyNoTestbed } from './testbed.ts'

const skip = whyNoTestbed()
const startedAt = performance.now()
const say = (text: string): void =>
  void process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${text}\n`)
const watched: Watched | undefined =
  skip === false ? await watchGuests({ windows: 1, moves: 2, plan: 'few', say }) : undefined
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

test('kinds of work are told apart by what marks each', { skip }, () => {
  assert.ok(watched)
  const kinds = new Set(watched.windows.map(({ kind }) => kind))
  assert.ok(kinds.size >= 2)
  for (const { kind, dimension } of hallmarks) {
    if (!kinds.has(kind)) continue
    const valueOf = (of: string): number =>
      Math.max(
        ...watched.windows
          .filter((window) => window.kind === of)
          .map(({ vector }) => readDimension(vector, dimension) ?? 0),
      )
    const others = WORKLOADS.filter((other) => other !== kind)
    for (const other of others)
      assert.ok(
        valueOf(kind) > valueOf(other),
        `${dimension} of ${kind} (${valueOf(kind)}) and of ${other} (${valueOf(other)})`,
      )
  }
})

test('each window is nearest to the recorded personality of its own kind of work', { skip }, () => {
  assert.ok(watched)
  assert.deepEqual(
    watched.windows.map(({ vector }) => nearestRecorded(vector).kind),
    watched.windows.map(({ kind }) => kind),
  )
})

test('memory written is told as it was written, within a factor of two', { skip }, () => {
  assert.ok(watched)
  for (const { kind, vector, donePerSec } of watched.windows) {
    if (kind !== 'dirtier') continue
    const told = readDimension(vector, 'memoryDirtiedBytesPerSec') ?? 0
    const ratio = told / (donePerSec * 4096)
    assert.ok(ratio > 0.5 && ratio < 2, `told / written is ${ratio}`)
  }
})

test('calls are counted in each guest', { skip }, () => {
  assert.ok(watched)
  const counters = watched.guests.map(({ counters }) => counters)
  assert.deepEqual(counters, ['tracefs hist', 'tracefs hist'])
})

test('the host sees from outside what the guest tells from inside, as far as it can see', { skip }, () => {
  assert.ok(watched)
  for (const { vm, recordings } of watched.guests) {
    for (const [kind, recording] of Object.entries(recordings)) {
      const seen = profileRecording(recording).profiles[0].vector
      const told: PersonalityVector | undefined = watched.windows.find((window) => window.kind === kind)?.vector
      assert.ok(told)
      assert.equal(witnessOf(seen, 'diskWriteBytesPerSec'), 'host')
      assert.equal(witnessOf(told, 'diskWriteBytesPerSec'), 'guest')
      for (const name of ['diskWriteBytesPerSec', 'netSendBytesPerSec'] as const) {
        const [outside, inside] = [seen, told].map((vector) => readDimension(vector, name) ?? 0)
        // Of what is much, the same within a half: they are of spans that overlap, and are not one.
        if (inside > 100_000)
          assert.ok(outside > inside / 2 && outside < inside * 2, `${vm} ${kind} ${name}: ${outside}, ${inside}`)
      }
    }
  }
})
