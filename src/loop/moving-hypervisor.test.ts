import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rig } from '../../tools/moves/rig.ts'
import { aPlainHost } from '../terms/builders.ts'
import { HOST_UNKNOWN, type Inventory } from '../terms/cluster.ts'
import type { HostCharacteristics } from '../terms/host.ts'
import type { HostId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { DAY_MS, GiB, MINUTE_MS, SECOND_MS } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { type HypervisorSubject, hypervisorContract } from '../world/hypervisor.contract.ts'
import type { Hypervisor } from '../world/hypervisor.ts'
import { MovingHypervisor } from './moving-hypervisor.ts'

hypervisorContract('MovingHypervisor', async (): Promise<HypervisorSubject> => {
  const { rig, moving } = aMoving()
  let orders = 0
  const live = alive(rig, moving)
  return {
    hypervisor: live,
    order: async () => rig.intent(rig.vms[0], rig.hosts[1], { id: `contract-${orders++}` }).order,
    finish: () => rig.pass(2 * MINUTE_MS),
  }
})

test('a VM that is frozen has no known host, and its two hosts are out of reach', async () => {
  const { rig, moving } = aMoving()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(4 * SECOND_MS)
  rig.platform.killHost(rig.hosts[0])
  await rig.pass(2 * SECOND_MS)
  const { hostOf, hostStates } = await moving.inventory()
  assert.equal(hostOf[0], HOST_UNKNOWN)
  assert.deepEqual(hostStates, ['unreachable', 'unreachable', 'on', 'on'])
})

test('a VM that has arrived is where it was seen, whatever an older report says', async () => {
  const { rig, moving, reported } = aMoving()
  await moving.inventory()
  await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  await rig.pass(30 * SECOND_MS)
  const { hostOf, ended } = await moving.inventory()
  assert.deepEqual([hostOf[0], ended.map(({ result }) => result)], [1, ['done']])
  reported[0] = 1
  await rig.pass(5 * MINUTE_MS, 30 * SECOND_MS)
  assert.equal((await moving.inventory()).hostOf[0], 1)
  assert.deepEqual(moving.foreignMoves, [])
})

test('a VM that changed its host without us was moved by somebody else', async () => {
  const { rig, moving, reported } = aMoving()
  await moving.inventory()
  reported[3] = 0
  await moving.inventory()
  assert.deepEqual(moving.foreignMoves, [
    { vmId: rig.vms[3], from: rig.hosts[3], to: rig.hosts[0], seenAt: rig.clock.now() },
  ])
  assert.equal(rig.mover.view().yielded.size, 0)
})

test('who takes a VM back twice within an hour is yielded to for a day, with an alert that says so', async () => {
  const { rig, moving, reported } = aMoving()
  await moving.inventory()
  for (const _ of [1, 2]) {
    await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
    await rig.pass(30 * SECOND_MS)
    reported[0] = 1
    await rig.pass(4 * MINUTE_MS, 30 * SECOND_MS)
    await moving.inventory()
    rig.platform.moveByHand(rig.vms[0], rig.hosts[0])
    reported[0] = 0
    await rig.pass(MINUTE_MS, 30 * SECOND_MS)
    await moving.inventory()
  }
  assert.equal(moving.foreignMoves.length, 2)
  assert.deepEqual([...rig.mover.view().yielded.keys()], [rig.vms[0]])
  const [alert] = rig.mover.view().alerts
  assert.equal(alert.what, 'yielded')
  assert.match(alert.text, /vm-0 .*another balancer/)

  const again = await rig.submit(rig.intent(rig.vms[0], rig.hosts[1]))
  assert.match(
    again !== 'no answer' && again.kind === 'refused' ? again.refusal.reason : '',
    /left to whoever moves it back/,
  )
  const asked = await rig.submit(rig.intent(rig.vms[0], rig.hosts[1], { class: 'operator' }))
  assert.equal(asked === 'no answer' ? '' : asked.kind, 'started')
  await rig.pass(MINUTE_MS)
  await rig.pass(DAY_MS, 3_600_000)
  assert.equal(rig.mover.view().yielded.size, 0)
})

/** Four hosts, six VMs, and what hosts report of them: `reported` is theirs, and may lag behind the truth. */
function aMoving(): { readonly rig: Rig; readonly moving: MovingHypervisor; readonly reported: Int32Array } {
  const courseOf = () => ({ bytes: GiB, copyMs: 5000, downtimeMs: 100, finishMs: 500, isStuck: false })
  const rig = new Rig({ seed: 1, courseOf })
  const reported = Int32Array.from(rig.vms, (_, v) => v % rig.hosts.length)
  const hosts = rig.hosts.map((id, h) => ({ ...aPlainHost(h, { cores: 8, memoryBytes: 64 * GiB }), id }))
  const vms: readonly Vm[] = rig.vms.map((id) => ({ id, vcpus: 1, refCoresPerVcpu: 1, memoryBytes: GiB }))
  const moving = new MovingHypervisor({
    base: aBase(rig, { hosts, vms, reported }),
    mover: rig.mover,
    intentOf: (order: MigrationOrder) => {
      const { cause, terms } = rig.intent(order.vmId, order.to)
      return { order, cause, terms }
    },
  })
  return { rig, moving, reported }
}

function aBase(
  rig: Rig,
  told: {
    readonly hosts: readonly (HostCharacteristics & { readonly id: HostId })[]
    readonly vms: readonly Vm[]
    readonly reported: Int32Array
  },
): Hypervisor {
  const refuse = (): Promise<never> => Promise.reject(new Error('The base is never asked to move.'))
  const inventory = async (): Promise<Inventory> => ({
    at: rig.clock.now(),
    hosts: told.hosts,
    hostStates: told.hosts.map(() => 'on'),
    vms: told.vms,
    hostOf: told.reported.slice(),
    migrations: [],
    ended: [],
  })
  return { name: 'reports', inventory, preflight: refuse, begin: refuse, cancel: refuse }
}

/** Whatever is asked is answered as time goes on. */
function alive(rig: Rig, hypervisor: Hypervisor): Hypervisor {
  const meanwhile = async <T>(asked: Promise<T>): Promise<T> => {
    const settled = asked.then(
      () => undefined,
      () => undefined,
    )
    await rig.clock.pass(SECOND_MS)
    await settled
    return asked
  }
  return {
    name: hypervisor.name,
    inventory: () => hypervisor.inventory(),
    preflight: (order) => meanwhile(hypervisor.preflight(order)),
    begin: (order) => meanwhile(hypervisor.begin(order)),
    cancel: (vmId) => meanwhile(hypervisor.cancel(vmId)),
  }
}
