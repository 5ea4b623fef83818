import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId, parseVmId } from '../terms/ids.ts'
import { GiB, HOUR_MS } from '../terms/units.ts'
import { aHost, movesOf, NO_LIMITS } from './builders.ts'
import { proxlb } from './proxlb.ts'

const hosts = [aHost(0), aHost(1)]
const vm = (on: number, memoryGiB: number) => ({ on, cpu: 1, memory: memoryGiB * GiB })

test('a spread of ten points or less is left alone', () => {
  // 30 of 100 GiB against 20 of 100: exactly 10 points.
  assert.deepEqual(movesOf(proxlb, { hosts, vms: [vm(0, 10), vm(0, 20), vm(1, 20)] }), [])
})

test('guests of the fullest node leave for the emptiest, the smallest first, until the spread will do', () => {
  // 60 against 20: 40 points. The guest of 5 leaves: 55 against 25, 30 points. Then that of 15: 40 against 40, done.
  const moves = movesOf(proxlb, { hosts, vms: [vm(0, 40), vm(0, 15), vm(0, 5), vm(1, 20)] })
  assert.deepEqual(moves, ['vm-2: host-0 > host-1', 'vm-1: host-0 > host-1'])
})

test('without memory readings the configured memory counts', () => {
  // Four VMs of 10 GiB against none: 40 points, 30 against 10 after one, 20 against 20 after two.
  const vms = Array.from({ length: 4 }, () => ({ on: 0, cpu: 1 }))
  assert.deepEqual(movesOf(proxlb, { hosts, vms }), ['vm-0: host-0 > host-1', 'vm-1: host-0 > host-1'])
})

test('the operator limit on memory holds, and a VM under way counts on both hosts', () => {
  const limited = { ...NO_LIMITS, limits: { memoryAllocationMax: 1 } }
  const small = [aHost(0), aHost(1, { memoryBytes: 15 * GiB })]
  const vms = [
    { on: 0, cpu: 1, memory: 40 * GiB },
    { on: 0, cpu: 1, memory: 1 * GiB },
  ]
  assert.deepEqual(movesOf(proxlb, { hosts: small, vms }, limited), ['vm-1: host-0 > host-1'])
  const migration = {
    orderId: parseOrderId('order-1'),
    vmId: parseVmId('vm-0'),
    from: parseHostId('host-0'),
    to: parseHostId('host-1'),
    startedAt: 0,
  }
  // VM 0's 10 GiB configured are taken on host 1: VM 1's further 10 don't fit in 15.
  assert.deepEqual(movesOf(proxlb, { hosts: small, vms, migrations: [migration] }, limited), [])
})

test('it runs twice a day', () => {
  assert.deepEqual(proxlb.cadence, { firstMs: 0, everyMs: 12 * HOUR_MS })
})
