import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import { HypervisorError } from '../../world/errors.ts'
import { EvacuationBoard } from './evacuation-board.ts'

const from = parseHostId('kvm-1')

function order(name: string): MigrationOrder {
  const id = parseOrderId(`ethos-1-${name}`)
  const about = { id, vmId: parseVmId(name), from, to: parseHostId('kvm-2'), decidedAt: 0 }
  return { ...about, class: 'evacuation', reason: 'emptied' }
}

test('what was planned and did not begin is not on its way, and says why', async () => {
  const [goes, refused, fails] = [order('a'), order('b'), order('c')]
  const board = new EvacuationBoard()
  const stuck = [{ vmId: parseVmId('d'), reason: 'pinned' }]
  board.note({ orders: [goes, refused, fails], evacuations: [{ hostId: from, vms: 5, leaving: 4, stuck }] })
  const no = { kind: 'refused', lacking: 'host-state', shortBy: 1, reason: 'not asked' } as const
  assert.equal(board.judged(refused, no), true)
  assert.equal(board.judged({ ...refused, class: 'contention' }, no), false)
  await board.begun(goes, Promise.resolve())
  await assert.rejects(board.begun(fails, Promise.reject(new HypervisorError('refused', 'too late'))))
  const [told] = board.now([{ vmId: goes.vmId }])
  assert.deepEqual([told.vms, told.leaving], [5, 2])
  assert.deepEqual(
    told.stuck.map(({ vmId, reason }) => [vmId, reason]),
    [
      ['d', 'pinned'],
      ['b', 'not asked'],
      ['c', 'too late'],
    ],
  )
})

test('where nobody carries orders out, none is on its way', () => {
  const board = new EvacuationBoard()
  board.note({ orders: [order('a')], evacuations: [{ hostId: from, vms: 1, leaving: 1, stuck: [] }] })
  assert.deepEqual(board.now([]), [{ hostId: from, vms: 1, leaving: 0, stuck: [] }])
})

test('what waited and then began is told of no more', async () => {
  const one = order('a')
  const board = new EvacuationBoard()
  board.note({ orders: [one], evacuations: [{ hostId: from, vms: 1, leaving: 1, stuck: [] }] })
  board.judged(one, { kind: 'refused', lacking: 'does-not-converge', shortBy: 1, reason: 'It waits.' })
  assert.equal(board.now([])[0].stuck.length, 1)
  await board.begun(one, Promise.resolve())
  assert.deepEqual(board.now([])[0].stuck, [])
})
