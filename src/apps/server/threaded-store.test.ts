import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { startProcess } from '../../../tools/server/kills.ts'
import { PROPERTY_SEED } from '../../../tools/property.ts'
import { aVector } from '../../../tools/builders.ts'
import { parseVmId } from '../../terms/ids.ts'
import { Luck } from '../../terms/luck.ts'
import { DIMENSIONS, MASK_BYTES } from '../../terms/personality.ts'
import { StoreError } from '../../world/errors.ts'
import type { Arrivals, Intake } from '../../world/site-store.ts'
import { aLine, Bench, type Identity, linesOf } from './builders.ts'
import { packArrivals, packIntakes, unpackArrivals, unpackIntakes } from './packed-arrivals.ts'
import { openThreadedSite, type ThreadedStore } from './threaded-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-threaded-'))
const stores: ThreadedStore[] = []
after(async () => {
  await Bench.removeAll()
  await Promise.all(stores.map((store) => store.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function aStore(name: string, deaths: string[] = []): Promise<ThreadedStore> {
  const store = await openThreadedSite(join(folder, name), { onDeath: (reason) => void deaths.push(reason) })
  stores.push(store)
  return store
}

const arrivalsOf = (vm: string, from: number, count: number): Arrivals => ({
  vm: parseVmId(vm),
  at: 1000,
  vectors: Array.from({ length: count }, (_, i) => aVector({ vmId: parseVmId(vm), sequence: from + i })),
  isClockOff: Array.from({ length: count }, () => false),
  counts: {},
})

test('a thread of the store may not take all the memory for brief things that V8 would give it', async () => {
  const limits: (number | undefined)[] = []
  const see = ({ resourceLimits }: Worker): void => void limits.push(resourceLimits?.maxYoungGenerationSizeMb)
  process.on('worker', see)
  await aStore('memory.sqlite')
  process.off('worker', see)
  // Three times 16 MiB; V8 would take three times 32.
  assert.deepEqual(limits, [48])
})

test('what was written in the thread is read beside it at once, whatever the kind of call', async () => {
  const store = await aStore('kinds.sqlite')
  const vm = parseVmId('vm-1')
  await store.identities.admit(vm, 1000, 'channel')
  assert.deepEqual(await store.vectors.take([arrivalsOf('vm-1', 0, 2), arrivalsOf('nobody', 0, 1)]), [
    { kind: 'heard', outcomes: ['accepted', 'accepted'] },
    { kind: 'shut-out', because: 'unknown' },
  ])
  assert.equal((await store.identities.find(vm))?.counts['accepted'], 2)
  assert.equal((await store.vectors.latest()).length, 1)
  assert.equal(await store.settings.set('name', '{}', { who: 'a test', at: 1, expected: 7 }), false)
  assert.deepEqual(await store.phases.current(), undefined)
  const shares: number[] = []
  await store.upkeep.backup(join(folder, 'copy.sqlite'), (share) => void shares.push(share))
  assert.ok(shares.every((share) => share >= 0 && share <= 1))
  const copy = await aStore('copy.sqlite')
  assert.equal((await copy.identities.find(vm))?.vectorsKept, 2)
})

test('lists are read while everything is looked at', async () => {
  const store = await aStore('large.sqlite')
  const line = JSON.stringify({ kind: 'turn', text: 'x'.repeat(1_000_000) })
  for (let i = 0; i < 50; i++) await store.journal.append(line, i)
  await store.identities.list()
  const ended: string[] = []
  await Promise.all([
    store.journal.verify().then(() => ended.push('verified')),
    store.identities.list().then(() => ended.push('listed')),
  ])
  assert.deepEqual(ended, ['listed', 'verified'])
})

test('errors come over as what they are', async () => {
  const store = await aStore('errors.sqlite')
  await assert.rejects(
    store.journal.append('{}', 1, 99),
    (error) => error instanceof StoreError && error.code === 'fenced',
  )
  await assert.rejects(store.upkeep.backup('/nowhere/at/all.sqlite'), (error) => error instanceof Error)
})

test('a thread that is killed takes with it what it had not answered, and the next call but one has another', async () => {
  const deaths: string[] = []
  const store = await aStore('killed.sqlite', deaths)
  await store.identities.admit(parseVmId('vm-1'), 1, 'channel')
  const waiting = Array.from({ length: 20 }, (_, i) => store.vectors.take([arrivalsOf('vm-1', i, 1)]))
  const killed = store.killWriter()
  const answers = await Promise.allSettled(waiting)
  await killed
  const lost = answers.filter((answer) => answer.status === 'rejected')
  assert.ok(lost.every(({ reason }) => reason instanceof StoreError && reason.retryable))
  assert.equal(deaths.length, 1)
  // Reads go on; writes are refused until the thread is started again, and then work.
  const kept = (await store.identities.find(parseVmId('vm-1')))?.vectorsKept ?? 0
  assert.ok(kept >= 20 - lost.length)
  let intakes: readonly Intake[] = []
  for (let look = 0; look < 200 && intakes.length === 0; look++) {
    intakes = await store.vectors.take([arrivalsOf('vm-1', 100, 1)]).catch(() => [])
    await sleep(50)
  }
  assert.deepEqual(intakes, [{ kind: 'heard', outcomes: ['accepted'] }])
})

test('a server whose store dies says 503, goes on answering, and takes vectors again by itself', async () => {
  const bench = new Bench()
  await bench.start()
  const member = await bench.member()
  const store = bench.server.store as ThreadedStore
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
  await store.killWriter()
  const statuses: number[] = []
  for (let look = 0; look < 100 && statuses.at(-1) !== 200; look++) {
    bench.now += 60_000
    statuses.push((await bench.send(member, [aLine(member.vm, 1)])).status)
    assert.equal((await bench.ask({ method: 'GET', path: '/v1/ca', tls: { ca: member.ca } })).status, 200)
    await sleep(50)
  }
  assert.ok(
    statuses.every((status) => status === 503 || status === 200),
    statuses.join(),
  )
  assert.equal(statuses.at(-1), 200)
  assert.deepEqual(bench.server.trouble(), [])
  assert.match(bench.said.join(''), /a thread of the store died/)
  await bench.remove()
})

test('a disk that takes five seconds to sync holds up those who wait for it, and nobody else', async () => {
  await withBadDisk('inject=fsync,fdatasync:delay_enter=5000000', async (bench, member) => {
    let isKept = false
    const slow = bench.send(member, [aLine(member.vm, 0)]).then((answer) => {
      isKept = true
      return answer
    })
    await sleep(200)
    // Many questions that need no write are answered before the one that does.
    for (let i = 0; i < 8; i++) {
      assert.equal((await bench.ask({ method: 'GET', path: '/v1/ca', tls: { ca: member.ca } })).status, 200)
      assert.equal((await bench.ask({ method: 'GET', path: '/v1/phases', tls: member })).status, 200)
    }
    assert.equal(isKept, false)
    assert.equal((await slow).status, 200)
    assert.deepEqual(await linesOf(bench.server.store, member.vm), [aLine(member.vm, 0)])
  })
})

for (const [what, fault] of [
  ['is full', 'inject=pwrite64:error=ENOSPC'],
  ['fails when it is to sync', 'inject=fsync,fdatasync:error=EIO'],
] as const) {
  test(`while a disk ${what} nothing is acknowledged and all else is answered; once it is well again vectors are taken`, async () => {
    await withBadDisk(fault, async (bench, member, heal) => {
      assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 503)
      assert.equal((await bench.ask({ method: 'GET', path: '/v1/ca', tls: { ca: member.ca } })).status, 200)
      const health = await bench.ask({ method: 'GET', path: '/healthz', tls: { ca: member.ca } })
      assert.match(health.text, /Nothing can be kept/)
      await heal()
      assert.equal((await bench.send(member, [aLine(member.vm, 1)])).status, 200)
      const after = await bench.ask({ method: 'GET', path: '/healthz', tls: { ca: member.ca } })
      assert.doesNotMatch(after.text, /Nothing can be kept/)
      const kept = await linesOf(bench.server.store, member.vm)
      assert.equal(kept.at(-1), aLine(member.vm, 1))
      const damages = (await bench.server.store.upkeep.check()).filter(({ severity }) => severity === 'damage')
      assert.deepEqual(damages, [])
    })
  })
}

/** A server in a process of its own, a VM that has joined, and then a fault in what the kernel answers it. */
async function withBadDisk(
  fault: string,
  use: (bench: Bench, member: Identity, heal: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const bench = new Bench({ daysAgo: 0 })
  await bench.start()
  await bench.stop()
  const { child, port } = await startProcess(bench.data)
  await bench.attach(port)
  const member = await bench.member()
  const words = ['-f', '-q', '-p', String(child.pid), '-e', fault, '-o', '/dev/null']
  const tracer = spawn('strace', words, { stdio: 'ignore' })
  const heal = async (): Promise<void> => {
    if (tracer.exitCode !== null || tracer.signalCode !== null) return
    const ended = once(tracer, 'exit')
    tracer.kill('SIGINT')
    await ended
  }
  try {
    await untilTraced(child.pid ?? 0)
    await use(bench, member, heal)
  } finally {
    await heal()
    child.kill('SIGKILL')
    await bench.remove()
  }
}

test('arrivals and what became of them travel as columns, and come out as they went in', () => {
  const luck = new Luck(PROPERTY_SEED)
  const all = Array.from({ length: 40 }, (_, i): Arrivals => {
    const vm = parseVmId(`vm-${i}`)
    const vectors = Array.from({ length: luck.below(4) }, (_, k) =>
      aVector({
        vmId: vm,
        sender: `s-${luck.below(9)}`,
        sequence: luck.below(2 ** 32),
        windowEnd: luck.below(1e14),
        phases: k,
        coverage: luck.fraction(),
        values: Float32Array.from({ length: DIMENSIONS }, () => luck.normal()),
        mask: Uint8Array.from({ length: MASK_BYTES }, () => luck.below(256)),
      }),
    )
    const counts = luck.below(3) === 0 ? { 'refused: bad data': luck.below(9) } : {}
    return { vm, at: luck.below(1e14), vectors, isClockOff: vectors.map(() => luck.below(2) === 0), counts }
  })
  assert.deepEqual(unpackArrivals(structuredClone(packArrivals(all))), all)
  const intakes: Intake[] = [
    { kind: 'heard', outcomes: ['accepted', 'duplicate'] },
    { kind: 'shut-out', because: 'banned' },
    { kind: 'heard', outcomes: [] },
    { kind: 'heard', outcomes: ['accepted'], quarantine: 'a reason' },
    { kind: 'heard', outcomes: ['duplicate'] },
  ]
  assert.deepEqual(unpackIntakes(structuredClone(packIntakes(intakes))), intakes)
})

/** Until every thread of a process is traced. */
async function untilTraced(pid: number): Promise<void> {
  for (let look = 0; look < 500; look++) {
    const tasks = readdirSync(`/proc/${pid}/task`)
    if (tasks.every((task) => !/^TracerPid:\s+0$/m.test(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))))
      return
    await sleep(20)
  }
  assert.fail('strace did not attach')
}
