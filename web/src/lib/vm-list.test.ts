import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VmView } from '../../../src/apps/server/views/vms.ts'
import { countStates, filterVms, hostsOf, readAllVms, runsText, vmFilterOf } from './vm-list.ts'

const aVm = (vm: string, rest: Partial<VmView> = {}): VmView => ({ vm, state: 'good', host: 'host-1', ...rest })

test('all pages are read, one after the other', async () => {
  const asked: string[] = []
  const all = await readAllVms(async (path) => {
    asked.push(path)
    return asked.length === 1 ? { asOf: 1, vms: [aVm('a')], next: 'b+/' } : { asOf: 2, vms: [aVm('b')] }
  })
  assert.deepEqual(asked, ['/v1/vms?limit=1000', '/v1/vms?limit=1000&cursor=b%2B%2F'])
  assert.deepEqual({ ...all, vms: all.vms.map(({ vm }) => vm) }, { asOf: 2, vms: ['a', 'b'] })
})

test('the address says what is shown; a state that is none is no wish', () => {
  const asked = new URLSearchParams('name=web&state=silent&host=host-2')
  assert.deepEqual(vmFilterOf(asked), { name: 'web', state: 'silent', host: 'host-2' })
  assert.deepEqual(vmFilterOf(new URLSearchParams('state=toString')), { name: '', state: undefined, host: '' })
})

test('VMs are found by a part of their name, by state and by host', () => {
  const vms = [
    aVm('Web-1'),
    aVm('web-2', { state: 'silent' }),
    aVm('db', { host: 'host-10' }),
    { vm: 'lost', state: 'good' } as const,
  ]
  const found = (filter: Partial<ReturnType<typeof vmFilterOf>>) =>
    filterVms(vms, { name: '', state: undefined, host: '', ...filter }).map(({ vm }) => vm)
  assert.deepEqual(found({}), ['Web-1', 'web-2', 'db', 'lost'])
  assert.deepEqual(found({ name: 'WEB' }), ['Web-1', 'web-2'])
  assert.deepEqual(found({ state: 'silent' }), ['web-2'])
  // There is a host-1: host-10 is not meant. While it is typed, all that begin so are.
  assert.deepEqual(found({ host: 'host-1' }), ['Web-1', 'web-2'])
  assert.deepEqual(found({ host: 'host' }), ['Web-1', 'web-2', 'db'])
})

test('states are counted in their order, and hosts told once', () => {
  const vms = [aVm('a', { state: 'seen' }), aVm('b'), aVm('c', { host: 'host-0' })]
  assert.deepEqual(countStates(vms), [
    { state: 'good', vms: 2 },
    { state: 'seen', vms: 1 },
  ])
  assert.deepEqual(hostsOf(vms), ['host-0', 'host-1'])
})

test('beside a host stands only what is unusual', () => {
  assert.equal(runsText(aVm('a', { runs: 'running', isPinned: false })), '')
  assert.equal(
    runsText(aVm('a', { runs: 'paused', leavingTo: 'host-2', isPinned: true })),
    'paused, leaving to host-2, pinned',
  )
})
