import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { DAY_MS, MINUTE_MS } from '../../terms/units.ts'
import type { VmFactsAnswer, VmFactsReader } from '../../world/vm-facts-reader.ts'
import { FACTS_FRESH_MS, FactsDesk } from './facts-desk.ts'

const HOST = parseHostId('kvm-1')
const VMS = ['a', 'b', 'c'].map((name) => parseVmId(name))
const FACTS = { downtimeLimitMs: 300, dirtyWindowSec: 1, dirtyMibPerSec: 3, mayPostCopy: false }

class Bench implements VmFactsReader {
  now = 1_000_000
  readonly asked: string[] = []
  answer: (() => VmFactsAnswer) | undefined
  private readonly open: (() => void)[] = []
  readonly desk = new FactsDesk(this, { now: () => this.now })

  async read(vmId: string, hostId: string): Promise<VmFactsAnswer> {
    this.asked.push(`${vmId} ${hostId}`)
    await new Promise<void>((resolve) => this.open.push(resolve))
    return this.answer?.() ?? { kind: 'read', facts: { ...FACTS, at: this.now } }
  }

  linkMbitPerSec(): number | undefined {
    return undefined
  }

  /** The reading that is under way ends. */
  async end(): Promise<void> {
    this.open.shift()?.()
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  }
}

test('one VM of a host is read at a time, whoever is waited for first, and each once', async () => {
  const bench = new Bench()
  const [a, b, c] = VMS
  for (const vm of [a, b, c, a, b]) bench.desk.want(vm, HOST)
  assert.deepEqual(bench.asked, ['a kvm-1'])
  const waited = bench.desk.ask(c, HOST, 60_000)
  await bench.end()
  await bench.end()
  assert.equal((await waited)?.dirtyMibPerSec, 3)
  assert.deepEqual(bench.asked, ['a kvm-1', 'c kvm-1', 'b kvm-1'])
  assert.ok(bench.desk.isPending(b, HOST) && !bench.desk.isPending(a, HOST))
  // Another host does not wait for this one; what was read of a VM says nothing of it elsewhere.
  bench.desk.want(a, parseHostId('kvm-2'))
  assert.equal(bench.asked.at(-1), 'a kvm-2')
  assert.equal(bench.desk.fresh(a, parseHostId('kvm-2')), undefined)
})

test('32 hosts are asked at once, the next when one has answered', async () => {
  const bench = new Bench()
  for (let host = 0; host < 40; host++) bench.desk.want(parseVmId('a'), parseHostId(`kvm-${host}`))
  assert.equal(bench.asked.length, 32)
  await bench.end()
  assert.equal(bench.asked.at(-1), 'a kvm-32')
  assert.equal(bench.asked.length, 33)
})

test('facts are good for ten minutes and read anew before; a clock that was put back makes them old', async () => {
  const bench = new Bench()
  const [a] = VMS
  bench.desk.want(a, HOST)
  await bench.end()
  bench.now += 4 * MINUTE_MS
  bench.desk.want(a, HOST)
  assert.equal(bench.asked.length, 1)
  bench.now += 2 * MINUTE_MS
  bench.desk.want(a, HOST)
  assert.equal(bench.asked.length, 2)
  assert.ok(bench.desk.fresh(a, HOST) !== undefined)
  bench.now += FACTS_FRESH_MS
  assert.equal(bench.desk.fresh(a, HOST), undefined)
  bench.now = 0
  assert.equal(bench.desk.fresh(a, HOST), undefined)
})

test('facts are as fresh as they were where the clock was set forward', async () => {
  const bench = new Bench()
  const [a] = VMS
  bench.desk.want(a, HOST)
  await bench.end()
  bench.now += 4 * MINUTE_MS + DAY_MS
  bench.desk.clockStepped(DAY_MS)
  bench.desk.want(a, HOST)
  assert.ok(bench.asked.length === 1 && bench.desk.fresh(a, HOST) !== undefined)
  bench.now += FACTS_FRESH_MS - 4 * MINUTE_MS + 1
  assert.equal(bench.desk.fresh(a, HOST), undefined)
})

test('what can not be read is told with its reason, not asked for again at once, and nobody waits for it for ever', async () => {
  const bench = new Bench()
  const [a, b] = VMS
  bench.answer = () => ({ kind: 'unreadable', reason: 'kvm-1 is down.' })
  const waited = bench.desk.ask(a, HOST, 60_000)
  await bench.end()
  assert.deepEqual([await waited, bench.desk.whyNot(a, HOST)], [undefined, 'kvm-1 is down.'])
  bench.desk.want(a, HOST)
  assert.equal(bench.asked.length, 1)
  assert.equal(await bench.desk.ask(b, HOST, 20), undefined)
  bench.desk.close()
  bench.desk.want(a, parseHostId('kvm-2'))
  assert.equal(bench.asked.length, 2)
})
