import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aHost, aVm, anObservation } from '../../engine/builders.ts'
import type { Inventory } from '../../terms/cluster.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'
import type { PlatformHost, PlatformLook, ToldPlatformHost } from '../../world/platform-reader.ts'
import { PlatformBoard } from './platform-board.ts'
import { PlatformDesk } from './platform-desk.ts'

const [HOST_0, HOST_1] = [aHost(0), aHost(1)]
const NO_BARRIERS = { pairs: new Map(), vms: new Map() }

/** A desk over a platform that says what a test says, and how often it was asked. */
class Desk {
  hosts: readonly PlatformHost[] = []
  asked = 0
  elapsedMs = 0
  told = 0
  error: Error | undefined
  readonly failures: string[] = []
  readonly board = new PlatformBoard()
  readonly desk = new PlatformDesk(
    { look: () => this.look() },
    { changed: () => this.changed(), failed: (reason) => this.failures.push(reason) },
    () => this.elapsedMs,
  )

  async look(): Promise<PlatformLook> {
    this.asked++
    if (this.error !== undefined) throw this.error
    return { at: 1000 * this.asked, hosts: this.hosts, barriers: NO_BARRIERS }
  }

  changed(): void {
    this.told++
    this.board.hear(this.desk.text() ?? '')
  }

  /** Five minutes pass, and the platform is asked and compared. */
  async next(inventory: Inventory): Promise<readonly string[]> {
    this.elapsedMs += 5 * MINUTE_MS
    this.desk.tick()
    await this.desk.settled()
    this.desk.compare(inventory)
    return this.board.alerts.map(({ kind, about, what }) => `${kind} ${about}: ${what}`)
  }
}

/** As the host is registered, with its VMs. */
function told(host: typeof HOST_0, vms: readonly string[], changes: Partial<ToldPlatformHost> = {}): ToldPlatformHost {
  const { id: hostId, memoryBytes } = host
  return { kind: 'told', hostId, at: 1000, hostname: hostId, threads: 8, memoryBytes, vms, untold: [], ...changes }
}

/** VM 0 and 1 on host 0, VM 2 on host 1. */
function reported(changes: Partial<Inventory> = {}): Inventory {
  return { ...anObservation({ hosts: [HOST_0, HOST_1], hostOf: [0, 0, 1], demand: [1, 1, 1] }).inventory, ...changes }
}

test('the platform is asked every five minutes, however often it is looked at, and by one at a time', async () => {
  const bench = new Desk()
  for (let tick = 0; tick < 5; tick++) bench.desk.tick()
  await bench.desk.settled()
  assert.deepEqual([bench.asked, bench.told], [1, 1])
  bench.elapsedMs += 5 * MINUTE_MS - 1
  bench.desk.tick()
  assert.equal(bench.asked, 1)
  bench.elapsedMs += 1
  bench.desk.tick()
  await bench.desk.settled()
  assert.equal(bench.asked, 2)
})

test('where both say the same there is no alert, and people are told the platform’s words', async () => {
  const bench = new Desk()
  bench.hosts = [told(HOST_0, ['vm-0', 'vm-1'], { version: '9.0.0' }), told(HOST_1, ['vm-2'])]
  assert.deepEqual(await bench.next(reported()), [])
  assert.deepEqual(await bench.next(reported()), [])
  const { version, isReached, memoryBytes } = bench.board.host(HOST_0.id) ?? {}
  assert.deepEqual([version, isReached, memoryBytes], ['9.0.0', true, HOST_0.memoryBytes])
})

test('VMs that one has and the other has not are an alert at the second look, and none while they are on their way', async () => {
  const bench = new Desk()
  bench.hosts = [told(HOST_0, ['vm-0', 'vm-9']), told(HOST_1, ['vm-2', 'vm-1'])]
  assert.deepEqual(await bench.next(reported()), [])
  assert.deepEqual(await bench.next(reported()), [
    'platform-differs host-0: host-0 reports VMs that its platform does not run: vm-1. ' +
      'The platform of host-0 runs VMs that its reporter does not tell of: vm-9.',
    'platform-differs host-1: The platform of host-1 runs VMs that its reporter does not tell of: vm-1.',
  ])
  const migrations = [{ orderId: 'o' as never, vmId: aVm(1).id, from: HOST_0.id, to: HOST_1.id, startedAt: 0 }]
  bench.hosts = [told(HOST_0, ['vm-0']), told(HOST_1, ['vm-2', 'vm-1'])]
  assert.deepEqual(await bench.next(reported({ migrations })), [])
})

test('another size than was registered is an alert, and so is a host that reports and can not be asked', async () => {
  const bench = new Desk()
  bench.hosts = [
    told(HOST_0, ['vm-0', 'vm-1'], { memoryBytes: HOST_0.memoryBytes / 2, threads: 2 }),
    { kind: 'unreachable', hostId: HOST_1.id, at: 1000, reason: 'connection refused' },
  ]
  assert.deepEqual(await bench.next(reported()), [
    'platform-differs host-0: host-0 is registered with 16.0 GiB of memory, and its platform tells 8.0. ' +
      'host-0 is registered with 4 cores, and its platform tells 2 processors that are on.',
    "platform-unreachable host-1: host-1 reports, and its platform can't be asked: connection refused",
  ])
  // One that does not report either has an alert already.
  assert.equal((await bench.next(reported({ hostStates: ['on', 'unreachable'] }))).length, 1)
  bench.board.forget()
  assert.deepEqual([bench.board.alerts, bench.board.host(HOST_0.id)], [[], undefined])
})

test('what was told long ago bars nothing any more', async () => {
  const bench = new Desk()
  const seen = { name: 'seen', inventory: async () => reported() } as unknown as Hypervisor
  assert.equal((await bench.desk.over(seen).inventory()).barriers, undefined)
  await bench.next(reported())
  assert.equal((await bench.desk.over(seen).inventory()).barriers, NO_BARRIERS)
  bench.elapsedMs += 15 * MINUTE_MS + 1
  assert.equal((await bench.desk.over(seen).inventory()).barriers, undefined)
})

test('a look that fails ends nothing, and the next is taken as ever', async () => {
  let asked = 0
  let elapsedMs = 0
  const look = (): Promise<PlatformLook> => {
    asked++
    return asked === 1
      ? Promise.reject(new RangeError('out of stack'))
      : Promise.resolve({ at: 1, hosts: [], barriers: NO_BARRIERS })
  }
  const failures: string[] = []
  const desk = new PlatformDesk(
    { look },
    { changed: () => undefined, failed: (reason) => failures.push(reason) },
    () => elapsedMs,
  )
  desk.tick()
  await desk.settled()
  assert.equal(desk.text(), undefined)
  assert.deepEqual(failures, ['The look at what hosts are failed: RangeError: out of stack'])
  elapsedMs += 5 * MINUTE_MS
  desk.tick()
  await desk.settled()
  assert.notEqual(desk.text(), undefined)
  assert.equal(failures.length, 1)
})

test('that nothing is barred any more is an alert until the platform tells again, also where it never told', async () => {
  const untold =
    'platform-untold undefined: For 15 minutes the platform has not told what its hosts are and which moves they would refuse.'
  for (const hasTold of [true, false]) {
    const bench = new Desk()
    if (hasTold) await bench.next(reported())
    bench.error = new RangeError('out of stack')
    const seen: (readonly string[])[] = []
    for (let look = 0; look < 5; look++) seen.push(await bench.next(reported()))
    // At the look after more than three intervals.
    const failed = `${untold} The look at what hosts are failed: RangeError: out of stack`
    assert.deepEqual(seen.slice(-2), hasTold ? [[failed], [failed]] : [[], [failed]])
    assert.equal(bench.failures.length, 5)
    bench.error = undefined
    assert.deepEqual(await bench.next(reported()), [])
  }
})

test('a look that does not end is told as well', async () => {
  const bench = new Desk()
  let told = 0
  const desk = new PlatformDesk(
    { look: () => new Promise<PlatformLook>(() => undefined) },
    { changed: () => told++, failed: () => undefined },
    () => bench.elapsedMs,
  )
  for (const elapsedMs of [0, 15 * MINUTE_MS, 15 * MINUTE_MS + 1, 20 * MINUTE_MS]) {
    bench.elapsedMs = elapsedMs
    desk.tick()
  }
  assert.equal(told, 1)
  bench.board.hear(desk.text() ?? '')
  assert.deepEqual(
    bench.board.alerts.map(({ kind, about }) => [kind, about]),
    [['platform-untold', undefined]],
  )
})

test('a host that tells too much, or is barred from too many, does not hide what the others tell', async () => {
  const names = Array.from({ length: 20_000 }, (_, n) => `${n}`.padEnd(1500, 'x'))
  const barrier = { lacking: 'cpu-flags', reason: 'x'.repeat(200) } as const
  const others = Array.from({ length: 1000 }, (_, h) => aHost(h).id)
  const pairs = new Map(others.map((from) => [from, new Map(others.map((to) => [to, barrier]))]))
  const hosts = [
    told(HOST_0, names, { networks: names }),
    { kind: 'unreachable', hostId: HOST_1.id, at: 1, reason: 'x'.repeat(10_000) } as const,
  ]
  const desk = new PlatformDesk(
    { look: async () => ({ at: 1, hosts, barriers: { pairs, vms: new Map() } }) },
    { changed: () => undefined, failed: () => undefined },
  )
  desk.tick()
  await desk.settled()
  desk.compare(reported())
  const text = desk.text() ?? ''
  assert.ok(text.length < 4 * 1024 * 1024, `${text.length}`)
  const board = new PlatformBoard()
  board.hear(text)
  assert.deepEqual(
    board.alerts.map(({ kind, about }) => `${kind} ${about}`),
    [`platform-unreachable ${HOST_1.id}`],
  )
  assert.equal(board.host(HOST_1.id)?.['barredHosts'], 1000)
})
