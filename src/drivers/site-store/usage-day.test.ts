import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VmId } from '../../terms/ids.ts'
import { codeOf, numberOfCode } from './number-codes.ts'
import { UsageColumns } from './usage-columns.ts'
import { emptyDay, fillDay, packDay, SLOTS_OF_DAY, unpackDay } from './usage-day.ts'

/** A day that knows the CPU's mean in its first slot and in its last. */
function aDay(): Uint16Array {
  const codes = emptyDay()
  codes[0] = codeOf(1.5)
  codes[SLOTS_OF_DAY - 1] = codeOf(2.5)
  return codes
}

function filled(shift: number, slots: number): readonly number[] {
  const columns = new UsageColumns(slots)
  fillDay(aDay(), { shift, slots }, columns)
  return [...columns.column(0)]
}

test('a packed day comes back as it was, and bytes that are no day are undefined', () => {
  const bytes = packDay(aDay())
  assert.deepEqual(unpackDay(bytes), aDay())
  assert.equal(unpackDay(bytes.subarray(0, 20)), undefined)
  assert.equal(unpackDay(new Uint8Array(0)), undefined)
})

test('of a day only the slots that were asked for are filled in', () => {
  const [first, last] = [1.5, 2.5].map((number) => numberOfCode(codeOf(number)))
  // The day begins with the second of three slots: its first number is there, and the slot before it stays absent.
  assert.deepEqual(filled(1, 3), [Number.NaN, first, Number.NaN])
  // It begins 287 slots before the first that was asked for: its last number is there.
  assert.deepEqual(filled(1 - SLOTS_OF_DAY, 3), [last, Number.NaN, Number.NaN])
  // It lies before all of them.
  assert.deepEqual(filled(-SLOTS_OF_DAY, 2), [Number.NaN, Number.NaN])
})

test('a resource of which a day says nothing has no column', () => {
  const columns = new UsageColumns(3)
  fillDay(aDay(), { shift: 0, slots: 3 }, columns)
  const series = columns.series('vm-1' as VmId, 0)
  assert.deepEqual([Object.keys(series.mean), Object.keys(series.max)], [['cpu'], []])
})
