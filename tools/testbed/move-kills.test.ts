import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figuresOf } from '../long/move-kills.ts'
import type { Kill } from './move-kills.ts'

const DONE: Kill = {
  trial: 0,
  vm: 'vm1',
  fault: 'worker',
  struckAfter: 'accepted',
  from: 'host1',
  runsOn: ['host2'],
  doubledBeats: 0,
  state: 'done',
  calls: 1,
  unknownMs: 12_400,
  tookMs: 20_000,
  leftovers: 0,
  isSpoilt: false,
}

test('what must not be is counted, kill by kill', () => {
  const kills: readonly Kill[] = [
    DONE,
    { ...DONE, runsOn: ['host1', 'host2'] },
    { ...DONE, doubledBeats: 3 },
    { ...DONE, runsOn: [], state: 'lost-by-fault' },
    { ...DONE, runsOn: [], fault: 'source-qemu', state: 'lost-by-fault' },
    { ...DONE, calls: 2, unknownMs: 61_000 },
  ]
  const { doubled, lostOtherwiseThanByTheFault, callsRepeated, unknownSecondsMax } = figuresOf(kills)
  assert.deepEqual(
    { doubled, lostOtherwiseThanByTheFault, callsRepeated, unknownSecondsMax },
    {
      doubled: 2,
      lostOtherwiseThanByTheFault: 1,
      callsRepeated: 1,
      unknownSecondsMax: 61,
    },
  )
})
