import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVector } from '../../tools/builders.ts'
import { ParseError } from './parse.ts'
import { encodePersonality } from './personality-codec.ts'
import { parsePlacementQuestion, WANTED_VMS_MAX } from './placement.ts'

test('a count stands for so many alike', () => {
  const { vms } = parsePlacementQuestion({ vms: [{ id: 'web', count: 2, vcpus: 2, memoryBytes: 1 }, { like: 'vm-7' }] })
  assert.deepEqual(
    vms.map(({ id }) => id),
    ['web-1', 'web-2', 'new-2'],
  )
  assert.deepEqual([vms[0].vcpus, vms[2].vcpus, vms[2].like], [2, undefined, 'vm-7'])
})

test('a personality may come along as it is sent', () => {
  const line = encodePersonality(aVector())
  const { vms } = parsePlacementQuestion({ vms: [{ vcpus: 1, memoryBytes: 1, personality: line }] })
  assert.equal(vms[0].personality?.sender, 'agent-1')
})

test('questions that nobody could answer are refused by the place of what is wrong', () => {
  const size = { vcpus: 1, memoryBytes: 1 }
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [{}, /vms/],
    [{ vms: [] }, /1 to 256/],
    [{ vms: [{ vcpus: 1 }] }, /vms\[0\].*memoryBytes/s],
    [{ vms: [{ ...size, cores: 2 }] }, /cores/],
    [{ vms: [{ ...size, count: WANTED_VMS_MAX }, size] }, /1 to 256/],
    [
      {
        vms: [
          { ...size, id: 'a' },
          { ...size, id: 'a' },
        ],
      },
      /two of the VMs/i,
    ],
    [{ vms: [{ ...size, vcpus: 1.5 }] }, /vcpus/],
  ]
  for (const [value, expected] of bad) {
    assert.throws(
      () => parsePlacementQuestion(value),
      (error) => error instanceof ParseError && expected.test(error.message),
    )
  }
})
