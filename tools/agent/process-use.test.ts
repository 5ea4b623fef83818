import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countProcesses, useOf } from './process-use.ts'

test('a process that works has used CPU, holds memory and has files open', () => {
  let sum = 0
  for (let i = 0; i < 5e6; i++) sum += i % 7
  const use = useOf(process.pid)
  assert.ok(sum > 0 && use.cpuMs > 0 && use.openFiles > 2)
  assert.ok(use.residentBytes > use.anonymousBytes && use.privateBytes > 0 && use.anonymousBytes > 1e6)
})

test('a process that is gone is an error, and there is always one: ours', () => {
  assert.throws(() => useOf(2 ** 22 - 1))
  assert.ok(countProcesses() >= 1)
})
