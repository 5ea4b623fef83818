import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VmFacts } from '../../terms/move-facts.ts'
import { completeFacts } from './complete-facts.ts'

const VM: VmFacts = {
  at: 1_800_000_000_000,
  memoryMib: 256,
  downtimeLimitMs: 300,
  dirtyMibPerSec: 8,
  dirtyWindowSec: 1,
  load1: 1,
  cpuMsPerSec: 150,
  residentMib: 250,
  unusedMib: 120,
  mayPostCopy: false,
}

function facts(vm: VmFacts): ReturnType<typeof completeFacts> {
  return completeFacts(vm, { linkMbitPerSec: 200 })
}

test('all windows that told are promised with; one is enough, and without one nothing is made up', () => {
  const more = [0, 12].map((mibPerSec) => ({ mibPerSec, windowSec: 1 }))
  const known = facts(VM)
  assert.ok('memoryMib' in known)
  assert.deepEqual([known.dirtyMibPerSec, known.moreDirtyWindows], [8, undefined])
  assert.deepEqual(facts({ ...VM, moreDirtyWindows: more }), { ...known, moreDirtyWindows: more })
  const { dirtyMibPerSec: _, ...untold } = VM
  assert.deepEqual(facts(untold), ['How fast it writes: its QEMU measured nothing.'])
})
