import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from './printable.ts'

test('control characters, of seven bits and of eight, become visible and harmless', () => {
  assert.equal(printable('web\u001b[31m-3\u009b2J\u007f'), 'web\ufffd[31m-3\ufffd2J\ufffd')
})

test('what people write stays as it is', () => {
  assert.equal(printable('größe: 3 °C\n\tnächste'), 'größe: 3 °C\n\tnächste')
})
