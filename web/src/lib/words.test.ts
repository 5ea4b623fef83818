import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourText, tickText } from './words.ts'

test('an axis of time is marked in hours of UTC, and with the day where one begins', () => {
  const at = Date.UTC(2026, 10, 28, 7, 5)
  assert.deepEqual([hourText(at), tickText(at), tickText(Date.UTC(2026, 10, 28))], ['07:05', '07:05', '11-28'])
})
