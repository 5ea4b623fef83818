import assert from 'node:assert/strict'
import type { HostId, VmId } from '../terms/ids.ts'
import type { MigrationIntent, Presence, Sighting } from '../terms/intent.ts'
import { HypervisorError } from './errors.ts'
import type { CallEnd, ListedVm, MigrationDriver, MoveCall } from './migration-driver.ts'
import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'

/** How the next order goes on the platform. `moves`, `fails` and `reply-lost` wait for `finish`. */
export type NextMove = 'moves' | 'refused' | 'fails' | 'reply-lost' | 'never-heard' | 'hangs'

/** A platform with two hosts and a VM that runs on the first and may move to the second. */
export interface MigrationDriverSubject extends Disposable {
  readonly driver: MigrationDriver
  readonly vmId: VmId
  readonly from: HostId
  readonly to: HostId
  /** For that VM on that way, with an order of its own each time. */
  readonly intent: () => MigrationIntent
  /** How the next order goes; without it, it moves. */
  readonly next: (how: NextMove) => void
  /** Lets moves under way come to their end. */
  readonly finish: () => Promise<void>
  /** Orders that ever came to the platform. */
  readonly taken: () => number
  /** Hosts on which the VM's CPU runs in truth. */
  readonly runsOn: () => readonly HostId[]
  /** The VM's owner wants it left alone from now on. */
  readonly optOut: () => void
  /** The host's platform can't be asked any more, though its VMs run on; and can again. */
  readonly cutOff: (hostId: HostId) => Promise<void>
  readonly mend: (hostId: HostId) => Promise<void>
}

/** What every driver that moves VMs must do. */
export function migrationDriverContract(
  name: string,
  make: () => Promise<MigrationDriverSubject>,
  options: ContractOptions = {},
): void {
  registerContract(`${name} moves VMs`, make, SENTENCES, options)
}

const LOOKS_MAX = 2000

const SENTENCES: Sentences<MigrationDriverSubject> = {
  'each host is listed by itself, with what runs there': async ({ driver, vmId, from, to }) => {
    const listings = await driver.list()
    assert.deepEqual(
      new Map(listings.map(({ hostId, kind }) => [hostId, kind])),
      new Map([
        [from, 'listed'],
        [to, 'listed'],
      ]),
    )
    assert.equal(listings.length, 2)
    const vm = await listed(driver, vmId, from)
    assert.deepEqual([vm?.sighting.presence, vm?.sighting.hasJob, vm?.optOut], ['running', false, undefined])
    assert.equal(await listed(driver, vmId, to), undefined)
  },

  'one look at one VM: where it runs, and where it is not': async ({ driver, vmId, from, to }) => {
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
    assert.equal(seen(await driver.observe(vmId, from)).hasJob, false)
  },

  'preflight says yes to what can be done, and changes nothing': async (subject) => {
    const { driver, vmId, from, to, intent, taken } = subject
    assert.deepEqual((await driver.preflight(intent())).refusals, [])
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
    assert.equal(taken(), 0)
  },

  'preflight refuses a move to where the VM is, and one of a VM that is not there': async ({
    driver,
    from,
    to,
    intent,
  }) => {
    const wanted = intent()
    const lacks = async (change: Partial<MigrationIntent['order']>): Promise<readonly string[]> => {
      const { refusals } = await driver.preflight({ ...wanted, order: { ...wanted.order, ...change } })
      for (const { reason, shortBy } of refusals) assert.ok(reason.length > 10 && shortBy > 0)
      return refusals.map(({ lacking }) => lacking)
    }
    assert.ok((await lacks({ to: from })).includes('same-host'))
    assert.ok((await lacks({ from: to, to: from })).includes('location-unknown'))
    assert.ok((await lacks({ vmId: 'nobody' as VmId })).includes('location-unknown'))
  },

  'a VM that is to be left alone is listed as such, and refused': async ({ driver, vmId, from, intent, optOut }) => {
    optOut()
    assert.ok(((await listed(driver, vmId, from))?.optOut ?? '').length > 5)
    const { refusals } = await driver.preflight(intent())
    assert.deepEqual(
      refusals.map(({ lacking }) => lacking),
      ['pinned'],
    )
  },

  'a move under way is seen at both ends, and can be followed': async (subject) => {
    const { driver, vmId, from, to, intent } = subject
    await begun(subject, intent())
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'incoming'])
    assert.equal(seen(await driver.observe(vmId, from)).hasJob, true)
    assert.equal((await listed(driver, vmId, from))?.sighting.hasJob, true)
    assert.equal((await listed(driver, vmId, to))?.sighting.presence, 'incoming')
    const progress = await driver.progress(vmId, from)
    assert.ok(progress !== undefined && progress.elapsedMs >= 0 && !progress.isPostCopy)
  },

  'while it moves, preflight refuses another move of it, and no order for it is sent': async (subject) => {
    const { driver, intent, taken } = subject
    await begun(subject, intent())
    assert.ok((await driver.preflight(intent())).refusals.some(({ lacking }) => lacking === 'in-flight'))
    assert.equal((await driver.migrate(intent(), 1)).kind, 'never-sent')
    assert.equal(taken(), 1)
  },

  'a move that succeeds has figures, and the VM runs where it was sent and nowhere else': async (subject) => {
    const { driver, vmId, from, to, intent, finish, runsOn } = subject
    const { ended } = await begun(subject, intent())
    await finish()
    const { kind, figures } = await ended
    assert.equal(kind, 'succeeded')
    assert.ok((figures?.totalMs ?? 0) > 0 && (figures?.copiedBytes ?? 0) > 0)
    const [there, here] = [await presence(driver, vmId, to), await presence(driver, vmId, from)]
    assert.equal(there, 'running')
    assert.ok(here === 'absent' || here === 'left', here)
    assert.deepEqual(runsOn(), [to])
    assert.equal(await driver.progress(vmId, to), undefined)
  },

  'the same order twice is sent once, during the move and after it': async (subject) => {
    const { driver, intent, finish, taken } = subject
    const wanted = intent()
    const { ended } = await begun(subject, wanted)
    await driver.migrate(wanted, 1)
    await finish()
    await ended
    await driver.migrate(wanted, 2)
    assert.equal(taken(), 1)
  },

  'the same order twice at once is sent once': async (subject) => {
    const { driver, intent, finish, taken } = subject
    const wanted = intent()
    const calls = await Promise.all([driver.migrate(wanted, 1), driver.migrate(wanted, 1)])
    assert.deepEqual(
      calls.map(({ kind }) => kind),
      ['sent', 'sent'],
    )
    await underWay(subject)
    await finish()
    assert.deepEqual(await Promise.all(calls.map(async (call) => (await endOf(call)).kind)), ['succeeded', 'succeeded'])
    assert.equal(taken(), 1)
  },

  'whoever comes with a lower fence than was seen sends nothing': async (subject) => {
    const { driver, intent, taken } = subject
    subject.next('refused')
    await endOf(await driver.migrate(intent(), 7))
    const stale = await driver.migrate(intent(), 6)
    assert.ok(stale.kind === 'never-sent' && stale.reason.length > 10)
    assert.equal(taken(), 1)
    subject.next('refused')
    assert.equal((await endOf(await driver.migrate(intent(), 7))).kind, 'failed')
    assert.equal(taken(), 2)
  },

  'a move that the platform refuses has failed, and the VM runs where it was': async (subject) => {
    const { driver, vmId, from, to, intent, next } = subject
    next('refused')
    const { kind, reason } = await endOf(await driver.migrate(intent(), 1))
    assert.ok(kind === 'failed' && reason.length > 10)
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
  },

  'a move that fails on its way has failed, and the VM runs where it was': async (subject) => {
    const { driver, vmId, from, to, intent, next, finish } = subject
    next('fails')
    const { ended } = await begun(subject, intent())
    await finish()
    assert.equal((await ended).kind, 'failed')
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
    assert.equal(seen(await driver.observe(vmId, from)).hasJob, false)
  },

  'an order whose answer is lost is unknown, is not sent again, and the VM is found where it went': async (subject) => {
    const { driver, vmId, to, intent, next, finish, taken } = subject
    next('reply-lost')
    const wanted = intent()
    assert.equal((await endOf(await driver.migrate(wanted, 1))).kind, 'unknown')
    await underWay(subject)
    await driver.migrate(wanted, 1)
    await finish()
    await until(async () => (await presence(driver, vmId, to)) === 'running')
    assert.equal(taken(), 1)
  },

  'an order that the platform never took in is unknown as well, and is not sent again': async (subject) => {
    const { driver, vmId, from, to, intent, next, taken } = subject
    next('never-heard')
    const wanted = intent()
    assert.equal((await endOf(await driver.migrate(wanted, 1))).kind, 'unknown')
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
    await driver.migrate(wanted, 1)
    assert.equal(taken(), 1)
  },

  'a move is cancelled, and the VM stays; where none is under way nothing is done': async (subject) => {
    const { driver, vmId, from, to, intent, next } = subject
    await driver.cancel(vmId, from)
    await driver.cancel(vmId, to)
    next('hangs')
    const { ended } = await begun(subject, intent())
    await driver.cancel(vmId, from)
    assert.equal((await ended).kind, 'failed')
    assert.deepEqual(await presences(driver, vmId, from, to), ['running', 'absent'])
    assert.equal(await driver.progress(vmId, from), undefined)
  },

  'a host that can not be asked is a value, hides no other, and is asked again by itself': async (subject) => {
    const { driver, vmId, from, to, cutOff, mend } = subject
    await driver.list()
    await cutOff(to)
    const listings = await driver.list()
    const lost = listings.find(({ hostId }) => hostId === to)
    assert.ok(lost?.kind === 'unreachable' && lost.reason.length > 10)
    assert.ok(await listed(driver, vmId, from))
    assert.equal((await driver.observe(vmId, to)).kind, 'unreachable')
    await mend(to)
    await until(async () => (await driver.observe(vmId, to)).kind === 'seen')
  },

  'what needs a host that can not be asked is refused, fails or is never sent': async (subject) => {
    const { driver, vmId, from, to, intent, cutOff, taken } = subject
    await cutOff(to)
    assert.ok((await driver.preflight(intent())).refusals.some(({ lacking }) => lacking === 'host-state'))
    await cutOff(from)
    for (const ask of [
      () => driver.preflight(intent()),
      () => driver.progress(vmId, from),
      () => driver.cancel(vmId, from),
    ])
      await assert.rejects(ask, (error) => error instanceof HypervisorError && error.code === 'unreachable')
    assert.equal((await driver.migrate(intent(), 1)).kind, 'never-sent')
    assert.equal(taken(), 0)
  },

  'a host that is none of ours is unknown': async ({ driver, vmId, intent, from, taken }) => {
    const stranger = 'stranger' as HostId
    const wanted = intent()
    const away = { ...wanted, order: { ...wanted.order, to: stranger } }
    assert.equal((await driver.observe(vmId, stranger)).kind, 'unreachable')
    await assert.rejects(() => driver.preflight(away), isUnknown)
    await assert.rejects(() => driver.cancel(vmId, stranger), isUnknown)
    assert.equal((await driver.migrate(away, 1)).kind, 'never-sent')
    assert.equal(taken(), 0)
    assert.equal(await presence(driver, vmId, from), 'running')
  },

  'once closed it sends nothing': async ({ driver, intent, taken }) => {
    await driver.close()
    assert.equal((await driver.migrate(intent(), 1)).kind, 'never-sent')
    assert.equal(taken(), 0)
  },
}

/** Orders it, and waits until it can be seen. The end is within an object, for a promise of a promise would wait for it. */
async function begun(
  subject: MigrationDriverSubject,
  intent: MigrationIntent,
): Promise<{ readonly ended: Promise<CallEnd> }> {
  const call = await subject.driver.migrate(intent, 1)
  assert.ok(call.kind === 'sent', JSON.stringify(call))
  await underWay(subject)
  return { ended: call.ended }
}

function underWay({ driver, vmId, from }: MigrationDriverSubject): Promise<void> {
  return until(async () => seen(await driver.observe(vmId, from)).hasJob)
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) if (await isSo()) return
  assert.fail(`It did not come to be so within ${LOOKS_MAX} looks.`)
}

async function endOf(call: MoveCall): Promise<CallEnd> {
  assert.ok(call.kind === 'sent', JSON.stringify(call))
  return call.ended
}

function isUnknown(error: unknown): boolean {
  return error instanceof HypervisorError && error.code === 'unknown-host'
}

function seen(sighting: Sighting): Extract<Sighting, { readonly kind: 'seen' }> {
  assert.ok(sighting.kind === 'seen', JSON.stringify(sighting))
  return sighting
}

async function presence(driver: MigrationDriver, vmId: VmId, hostId: HostId): Promise<Presence> {
  return seen(await driver.observe(vmId, hostId)).presence
}

async function presences(driver: MigrationDriver, vmId: VmId, from: HostId, to: HostId): Promise<readonly Presence[]> {
  return [await presence(driver, vmId, from), await presence(driver, vmId, to)]
}

async function listed(driver: MigrationDriver, vmId: VmId, on: HostId): Promise<ListedVm | undefined> {
  const listing = (await driver.list()).find(({ hostId }) => hostId === on)
  assert.ok(listing?.kind === 'listed', JSON.stringify(listing))
  return listing.vms.find((vm) => vm.vmId === vmId)
}
