import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aVector, aVm } from '../../../../tools/builders.ts'
import type { KeptReport } from '../../../terms/host-report.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { HOUR_MS, SECOND_MS } from '../../../terms/units.ts'
import { anIdentity, FakeStore } from './fakes/builders.ts'
import { SiteView } from './site-view.ts'

const vm = parseVmId('vm-1')

/** A view, and how a vector arrives. */
function aSite(begin: number) {
  const store = new FakeStore()
  store.kept.identities.set(vm, anIdentity(vm))
  const clock = { now: begin }
  const view = new SiteView(store, () => clock.now)
  const arrive = () => {
    store.kept.vectors = [{ vector: aVector({ vmId: vm }), arrivedAt: clock.now, isClockOff: false }]
  }
  const arrivedAt = async () => (await view.read()).vmByName.get(vm)?.vectorAt
  return { store, clock, view, arrive, arrivedAt }
}

test('the store is read once in two seconds, however many ask, and at once after a change of ours', async () => {
  const { store, clock, view } = aSite(HOUR_MS)
  const [first, second] = await Promise.all([view.read(), view.read()])
  assert.equal(first, second)
  store.kept.identities.set(vm, anIdentity(vm, { isBanned: true }))
  clock.now += SECOND_MS
  assert.equal(await view.read(), first)
  view.forget()
  assert.equal((await view.read()).vmByName.get(vm)?.identity?.isBanned, true)
})

test('what was read before a change of ours and came after it is not kept', async () => {
  const { store, view } = aSite(HOUR_MS)
  const before = view.read()
  store.kept.identities.set(vm, anIdentity(vm, { isBanned: true }))
  view.forget()
  assert.equal((await view.read()).vmByName.get(vm)?.identity?.isBanned, true)
  await before
  assert.equal((await view.read()).vmByName.get(vm)?.identity?.isBanned, true)
})

test('vectors that arrive after the clock was put back are seen', async () => {
  const { clock, arrive, arrivedAt } = aSite(2 * HOUR_MS)
  arrive()
  assert.equal(await arrivedAt(), 2 * HOUR_MS)
  clock.now = HOUR_MS
  arrive()
  assert.equal(await arrivedAt(), HOUR_MS)
  clock.now += 5 * SECOND_MS
  arrive()
  assert.equal(await arrivedAt(), HOUR_MS + 5 * SECOND_MS)
})

test('a VM is where the newest word has it: a host that died goes on claiming what it had, one that it moves to does not have it yet', async () => {
  const { store, view } = aSite(HOUR_MS)
  const on = async () => {
    view.forget()
    return (await view.read()).vmByName.get(vm)?.on?.host
  }
  const tell = (host: string, arrivedAt: number, state: 'running' | 'incoming') => {
    const hostId = parseHostId(host)
    const vms = [{ vm: aVm({ id: vm }), state, mean: {}, max: {} }]
    const report: KeptReport = { hostId, windowEnd: arrivedAt, windowMs: 1000, state: 'on', arrivedAt, vms }
    store.kept.reports.set(hostId, report)
  }
  tell('host-z', 1000, 'running')
  tell('host-a', 2000, 'running')
  assert.equal(await on(), 'host-a')
  tell('host-b', 3000, 'incoming')
  tell('host-z', 3000, 'incoming')
  assert.equal(await on(), 'host-a')
})
