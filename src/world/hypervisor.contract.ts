import assert from 'node:assert/strict'
import type { Inventory } from '../terms/cluster.ts'
import { parseHostId, parseOrderId, parseVmId } from '../terms/ids.ts'
import type { MigrationOrder } from '../terms/move.ts'
import { HypervisorError, type HypervisorErrorCode } from './errors.ts'
import type { Hypervisor } from './hypervisor.ts'
import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'

/** A platform with at least two hosts and one VM that may move. */
export interface HypervisorSubject extends Disposable {
  readonly hypervisor: Hypervisor
  /** An order that the platform would take now, for a VM that is not moving; each has an id of its own. */
  readonly order: () => Promise<MigrationOrder>
  /** Lets the migrations under way come to their end. */
  readonly finish: () => Promise<void>
}

/** What every platform must do. */
export function hypervisorContract(
  name: string,
  make: () => Promise<HypervisorSubject>,
  options: ContractOptions = {},
): void {
  registerContract(`${name} is a hypervisor`, make, SENTENCES, options)
}

const SENTENCES: Sentences<HypervisorSubject> = {
  'the columns of an inventory are parallel to its lists': async ({ hypervisor }) => {
    const { hosts, hostStates, vms, hostOf } = await hypervisor.inventory()
    assert.equal(hostStates.length, hosts.length)
    assert.equal(hostOf.length, vms.length)
    for (const host of hostOf) assert.ok(host >= -1 && host < hosts.length)
    assert.equal(new Set(vms.map((vm) => vm.id)).size, vms.length)
    assert.equal(new Set(hosts.map((host) => host.id)).size, hosts.length)
  },
  'while nothing comes or goes, the lists are the same objects and the places a fresh array': async (subject) => {
    const first = await subject.hypervisor.inventory()
    const second = await subject.hypervisor.inventory()
    assert.equal(second.vms, first.vms)
    assert.equal(second.hosts, first.hosts)
    assert.notEqual(second.hostOf, first.hostOf)
  },
  'preflight says yes to what begin takes, and changes nothing': async ({ hypervisor, order }) => {
    const wanted = await order()
    assert.deepEqual(await hypervisor.preflight(wanted), { kind: 'fits' })
    assert.deepEqual((await hypervisor.inventory()).migrations, [])
    await hypervisor.begin(wanted)
  },
  'a migration under way is listed, and its VM still runs on the source': async ({ hypervisor, order }) => {
    const wanted = await order()
    await hypervisor.begin(wanted)
    const seen = await hypervisor.inventory()
    assert.deepEqual(seen.migrations.map(naming), [naming({ ...wanted, orderId: wanted.id })])
    assert.equal(hostIdOf(seen, wanted), wanted.from)
  },
  'a migration that is done is told once, and its VM runs on the target': async ({ hypervisor, order, finish }) => {
    const wanted = await order()
    await hypervisor.begin(wanted)
    await finish()
    const seen = await hypervisor.inventory()
    assert.equal(hostIdOf(seen, wanted), wanted.to)
    assert.deepEqual(seen.migrations, [])
    assert.equal(seen.ended.length, 1)
    const [end] = seen.ended
    assert.deepEqual(
      { ...naming(end), result: end.result },
      { ...naming({ ...wanted, orderId: wanted.id }), result: 'done' },
    )
    assert.ok(end.startedAt <= end.endedAt && end.copiedBytes > 0 && end.downtimeMs >= 0)
    assert.deepEqual((await hypervisor.inventory()).ended, [])
  },
  'beginning the same order again does nothing, even once it is done': async ({ hypervisor, order, finish }) => {
    const wanted = await order()
    await hypervisor.begin(wanted)
    await hypervisor.begin(wanted)
    assert.equal((await hypervisor.inventory()).migrations.length, 1)
    await finish()
    await hypervisor.begin(wanted)
    const seen = await hypervisor.inventory()
    assert.equal(seen.ended.length, 1)
    assert.deepEqual(seen.migrations, [])
  },
  'a VM that is moving takes no second order': async ({ hypervisor, order }) => {
    const wanted = await order()
    await hypervisor.begin(wanted)
    await refuses(hypervisor, { ...wanted, id: parseOrderId('contract-second') }, 'busy')
  },
  'a VM that nobody knows is refused': async ({ hypervisor, order }) => {
    await refuses(hypervisor, { ...(await order()), vmId: parseVmId('contract-no-such-vm') }, 'unknown-vm')
  },
  'a target that nobody knows is refused': async ({ hypervisor, order }) => {
    await refuses(hypervisor, { ...(await order()), to: parseHostId('contract-no-such-host') }, 'unknown-host')
  },
  'an order that mistakes where the VM runs is refused': async ({ hypervisor, order }) => {
    const wanted = await order()
    await refuses(hypervisor, { ...wanted, from: wanted.to, to: wanted.from }, 'refused')
  },
  'a move to where the VM is already is refused': async ({ hypervisor, order }) => {
    const wanted = await order()
    await refuses(hypervisor, { ...wanted, to: wanted.from }, 'refused')
  },
  'a cancelled migration leaves the VM where it is, and says so': async ({ hypervisor, order, finish }) => {
    const wanted = await order()
    await hypervisor.begin(wanted)
    await hypervisor.cancel(wanted.vmId)
    await finish()
    const seen = await hypervisor.inventory()
    assert.equal(hostIdOf(seen, wanted), wanted.from)
    assert.deepEqual(seen.migrations, [])
    assert.deepEqual(
      seen.ended.map((end) => [end.orderId, end.result]),
      [[wanted.id, 'cancelled']],
    )
  },
  'cancelling what is not under way does nothing': async ({ hypervisor, order }) => {
    const { vmId } = await order()
    await hypervisor.cancel(vmId)
    await hypervisor.cancel(parseVmId('contract-no-such-vm'))
    assert.deepEqual((await hypervisor.inventory()).ended, [])
  },
}

/** Preflight refuses as a value and `begin` as an error with a code; nothing starts. */
async function refuses(hypervisor: Hypervisor, order: MigrationOrder, code: HypervisorErrorCode): Promise<void> {
  const before = await hypervisor.inventory()
  const verdict = await hypervisor.preflight(order)
  assert.equal(verdict.kind, 'refused')
  assert.ok(verdict.kind === 'refused' && verdict.reason.length > 0)
  await assert.rejects(hypervisor.begin(order), (error) => error instanceof HypervisorError && error.code === code)
  assert.deepEqual((await hypervisor.inventory()).migrations, before.migrations)
}

function hostIdOf({ vms, hosts, hostOf }: Inventory, { vmId }: MigrationOrder): string | undefined {
  const host = hostOf[vms.findIndex((vm) => vm.id === vmId)]
  return hosts[host]?.id
}

function naming({ orderId, vmId, from, to }: { orderId: string; vmId: string; from: string; to: string }) {
  return { orderId, vmId, from, to }
}
