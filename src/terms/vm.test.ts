import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { aVm } from '../../tools/builders.ts'
import { checkRoundTrip, finiteNumber } from '../../tools/property.ts'
import { parseVmId } from './ids.ts'
import { ParseError } from './parse.ts'
import { encodeVm, parseVm, vmSizeRefCores } from './vm.ts'

test('a VM is as large as all its vCPUs at their fastest', () => {
  // 4 vCPUs x 2.5 reference cores.
  assert.equal(vmSizeRefCores(aVm({ vcpus: 4, refCoresPerVcpu: 2.5 })), 10)
})

test('a VM reads back as it was written', () => {
  const vm = fc.record(
    {
      id: fc.constantFrom('100', 'a/b').map((id) => parseVmId(id)),
      vcpus: fc.integer({ min: 1, max: 4096 }),
      refCoresPerVcpu: finiteNumber({ min: 1e-6, max: 1e6 }),
      memoryBytes: fc.nat(),
      antiAffinityGroup: fc.string({ maxLength: 64 }),
      isPinned: fc.boolean(),
      cpuFlags: fc.array(fc.constantFrom('avx2', 'sha_ni'), { maxLength: 3 }),
      isHostPassthrough: fc.boolean(),
    },
    { requiredKeys: ['id', 'vcpus', 'refCoresPerVcpu', 'memoryBytes'] },
  )
  checkRoundTrip(vm, encodeVm, parseVm)
})

test('absent is not false: a VM of which nobody said whether it is pinned has no such field', () => {
  assert.equal('isPinned' in parseVm({ ...aVm(), isPinned: null }), false)
  assert.equal(parseVm({ ...aVm(), isPinned: false }).isPinned, false)
})

test('sizes that no VM has are refused by name', () => {
  const bad = [
    ['vcpus', 0],
    ['vcpus', 1.5],
    ['vcpus', 5000],
    ['refCoresPerVcpu', 0],
    ['memoryBytes', -1],
    ['memoryBytes', Number.NaN],
    ['isPinned', 'yes'],
    ['antiAffinityGroup', 'x'.repeat(65)],
    ['id', undefined],
  ] as const
  for (const [field, value] of bad) {
    assert.throws(
      () => parseVm({ ...aVm(), [field]: value }, 'vms[2]'),
      (error) => error instanceof ParseError && error.place === `vms[2].${field}`,
    )
  }
})
