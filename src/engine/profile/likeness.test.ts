import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aContext, aVm } from '../builders.ts'
import { likenessOf, likeVms, standingOf } from './likeness.ts'

const sized = (...vcpus: readonly number[]) => vcpus.map((count) => ({ vcpus: count }))

test('a VM is compared with those of as many vCPUs, and where they are fewer than eight with a wider circle', () => {
  const eight = Array.from({ length: 8 }, () => 2)
  assert.deepEqual(likeVms(sized(...eight, 4), 0), { text: 'VMs with 2 vCPUs', members: [0, 1, 2, 3, 4, 5, 6, 7] })
  assert.equal(likeVms(sized(...eight.slice(1), 4), 0).text, 'VMs with 1 to 4 vCPUs')
  assert.equal(likeVms(sized(...eight.slice(1), 4), 7).text, 'VMs with 2 to 8 vCPUs')
  const few = likeVms(sized(2, 64, 128), 0)
  assert.deepEqual([few.text, few.members.length], ['all VMs', 3])
})

test('a standing is the share that has less, those alike counted half, between the quartiles of those that have it', () => {
  // Of 1, 2, 2, 4, 8 one has less than 2 and two have as much: (1 + 2 / 2) / 5.
  assert.deepEqual(standingOf(2, [1, 2, 2, 4, 8, NaN]), {
    value: 2,
    rank: 0.4,
    quartiles: { p25: 2, p50: 2, p75: 4, vms: 5 },
  })
  // Absent is not zero: it has no place, and three others are no quartiles.
  assert.deepEqual(standingOf(undefined, [1, 2, 3, 4]), { quartiles: { p25: 2, p50: 3, p75: 3, vms: 4 } })
  assert.deepEqual(standingOf(3, [1, 2, 3]), { value: 3 })
})

test('axes of a turn are of what hosts see, and a class of ten has its quartiles', () => {
  const vms = Array.from({ length: 10 }, (_, i) => aVm(i))
  const context = aContext({ vms, hostOf: vms.map(() => 0), demand: vms.map((_, i) => i / 10) })
  const { like, axes } = likenessOf(context, 9)
  assert.deepEqual([like.text, like.members.length], ['VMs with 2 vCPUs', 10])
  assert.equal(axes.cpu?.rank, 0.95)
  assert.equal(axes.cpu?.quartiles?.vms, 10)
  assert.equal(axes.dirtying, undefined)
  // No personality was worked out in this context: absent, and not nothing.
  assert.deepEqual(axes.disk, {})
})
