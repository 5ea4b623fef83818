import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { cpuDemand } from './cpu-demand.ts'

test('who slept of the time that was his would have slept of the time that he waited', () => {
  // Of the 0.8 that it did not wait it ran 0.2, a quarter: so of the 0.2 that it waited it would have run 0.05.
  assert.ok(Math.abs(cpuDemand({ ran: 0.2, waited: 0.2 }) - 0.25) < 1e-12)
})

test('who never slept wanted all that he waited for, also where he never got to run', () => {
  assert.equal(cpuDemand({ ran: 0.25, waited: 0.75 }), 1)
  assert.equal(cpuDemand({ ran: 0, waited: 1 }), 1)
})

test('without waiting demand is what ran', () => {
  assert.equal(cpuDemand({ ran: 0.3, waited: 0 }), 0.3)
  assert.equal(cpuDemand({ ran: 0, waited: 0 }), 0)
})

test('demand is no less than what ran, no more than what ran and waited, and never more than the CPU', () => {
  const share = fc.double({ min: 0, max: 1.05, noNaN: true })
  checkProperty(
    fc.property(share, share, (ran, waited) => {
      const demand = cpuDemand({ ran, waited })
      assert.ok(demand <= 1 + 1e-12 || demand <= ran, `${demand}`)
      assert.ok(demand >= Math.min(1, ran) - 1e-12 && demand <= ran + waited + 1e-12, `${demand}`)
    }),
  )
})
