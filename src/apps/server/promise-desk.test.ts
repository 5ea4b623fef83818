import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import { parseCostModel } from '../../engine/migration/cost-model-codec.ts'
import type { IntentRecord } from '../../engine/migration/intent-record.ts'
import { encodeMoveLine, type MoveStep } from '../../terms/move-record.ts'
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import type { MigrationIntent } from '../../terms/intent.ts'
import type { MigrationOrder } from '../../terms/move.ts'
import type { VmFacts } from '../../terms/move-facts.ts'
import { DAY_MS, MiB } from '../../terms/units.ts'
import { PromiseDesk } from './promise-desk.ts'
import { termsByRounds } from './terms-by-rounds.ts'

const MODEL = parseCostModel(readCostModelFile())
const FACTS = {
  memoryMib: 256,
  downtimeLimitMs: 300,
  dirtyMibPerSec: 1,
  dirtyWindowSec: 1,
  load1: 1,
  cpuMsPerSec: 150,
  residentMib: 250,
  unusedMib: 120,
  mayPostCopy: false,
} as const
const ABOUT = { by: 'automation', memoryBytes: 256 * MiB } as const

class Bench {
  now = 1_800_000_000_000
  readonly lines: string[] = []
  facts: Partial<VmFacts> = {}
  desk: PromiseDesk
  private orders = 0
  private readonly linkMbit: number | undefined

  constructor(linkMbit?: number) {
    this.linkMbit = linkMbit
    this.desk = this.newDesk()
  }

  newDesk(): PromiseDesk {
    const facts = (): VmFacts => ({ ...FACTS, ...this.facts, at: this.now })
    this.desk = new PromiseDesk({
      clock: { now: () => this.now },
      journal: { append: async (line) => void this.lines.push(line) },
      model: MODEL,
      reader: {
        read: async () => ({ kind: 'read', facts: facts() }),
        linkMbitPerSec: () => this.linkMbit,
      },
      otherwise: termsByRounds,
    })
    return this.desk
  }

  anOrder(): MigrationOrder {
    const id = parseOrderId(`order-${++this.orders}`)
    const route = { vmId: parseVmId('web-1'), from: parseHostId('kvm-1'), to: parseHostId('kvm-2') }
    const estimate = { durationMs: 9000, downtimeMs: 100, copiedBytes: 2e8, converges: true, rounds: 2 }
    return { id, ...route, decidedAt: this.now, class: 'contention', reason: 'test', move: { estimate } } as never
  }

  /** One order to its end, and its lines in the journal. */
  async move(totalMs: number): Promise<IntentRecord> {
    const order = this.anOrder()
    await this.desk.facts.ask(order.vmId, order.from, 1000)
    const verdict = this.desk.termsOf(order, ABOUT)
    assert.ok(!('kind' in verdict), JSON.stringify(verdict))
    const intent: MigrationIntent = { order, cause: { kind: 'policy' }, ...verdict }
    const figures = { totalMs, downtimeMs: 90, copiedBytes: 170 * MiB }
    const record = (more: Partial<IntentRecord>): IntentRecord => ({
      intent,
      state: 'accepted',
      recordedAt: this.now,
      sentAt: this.now,
      aborts: [],
      vouchedFor: [],
      ...more,
    })
    const write = (step: MoveStep): void =>
      void this.lines.push(encodeMoveLine({ ...step, orderId: order.id, at: this.now }))
    const plain = { ...intent, order: { ...order, move: undefined } } as unknown as MigrationIntent
    write({ step: 'intent', intent: JSON.parse(JSON.stringify(plain)) as MigrationIntent })
    await this.desk.sync({ open: [{ record: record({}), follow: {} as never }], ended: this.ended })
    write({ step: 'closed', state: 'done', detail: 'there', figures })
    this.ended.push(record({ state: 'done', closed: { at: this.now, state: 'done', detail: 'there', figures } }))
    await this.desk.sync({ open: [], ended: this.ended })
    return this.ended[this.ended.length - 1]
  }

  readonly ended: IntentRecord[] = []
}

test('with facts and a link, a move is promised; the pair of hosts corrects the next promise', async () => {
  const bench = new Bench(200)
  const first = (await bench.move(20_000)).intent
  assert.ok((first.promise?.pConverge ?? 0) >= 0.9)
  assert.equal(first.terms.bandwidthMibPerSec, 23)
  for (let i = 0; i < 6; i++) await bench.move(20_000)
  const last = (await bench.move(20_000)).intent
  // It came out slower than promised each time.
  assert.ok((last.promise?.totalMs ?? 0) > 1.3 * (first.promise?.totalMs ?? 0))
  assert.equal(bench.desk.ledger.entries.length, 8)
})

test('a start takes the ledger over from the journal, whole or line by line', async () => {
  const bench = new Bench(200)
  for (let i = 0; i < 3; i++) await bench.move(12_000)
  bench.now += 2 * DAY_MS
  for (let i = 0; i < 2; i++) await bench.move(12_000)
  const { ledger } = bench.desk
  assert.equal(bench.lines.filter((line) => line.startsWith('{"kind":"move-ledger"')).length, 2)
  const again = bench.newDesk()
  again.adopt(bench.lines)
  assert.deepEqual(again.ledger, ledger)
  // Without the whole, from the single promises and ends.
  const single = bench.newDesk()
  single.adopt(bench.lines.filter((line) => !line.startsWith('{"kind":"move-ledger"')))
  assert.deepEqual(single.ledger, ledger)
  // What can't be read costs that line alone.
  const torn = bench.newDesk()
  torn.adopt([
    '{"kind":"move-promise","open":{}}',
    '{"kind":"move-ledger","ledger":7}',
    '{"kind":"move-',
    ...bench.lines,
  ])
  assert.deepEqual(torn.ledger, ledger)
})

test('what is missing is told with a remedy, automation does not start it, and a person may', async () => {
  const bench = new Bench()
  bench.facts = { unusedMib: undefined as never }
  const order = bench.anOrder()
  const early = bench.desk.termsOf(order, ABOUT)
  assert.match('kind' in early ? early.reason : '', /kvm-1 is being asked about web-1/)
  assert.match(bench.desk.whyWaiting(order) ?? '', /being asked/)
  await bench.desk.facts.ask(order.vmId, order.from, 1000)
  assert.equal(bench.desk.whyWaiting(order), undefined)
  const verdict = bench.desk.termsOf(order, ABOUT)
  assert.match('kind' in verdict ? verdict.reason : '', /virsh dommemstat .*`linkMbitPerSec` is set of neither/)
  const asked = bench.desk.termsOf(order, { ...ABOUT, by: 'person' })
  assert.ok(!('kind' in asked) && asked.promise === undefined && asked.terms.bandwidthMibPerSec === undefined)
  const limited = new Bench(200)
  const without = limited.desk.termsOf(limited.anOrder(), { ...ABOUT, by: 'person' })
  assert.ok(!('kind' in without) && without.promise === undefined && without.terms.bandwidthMibPerSec === 23)
})

test('without a limit the pace of earlier moves tells the link, and the move is not held to it', async () => {
  const limited = new Bench(200)
  for (let i = 0; i < 3; i++) await limited.move(9000)
  const free = new Bench()
  free.ended.push(...limited.ended)
  await free.desk.sync({ open: [], ended: free.ended })
  const { intent } = await free.move(9000)
  assert.ok(intent.promise !== undefined)
  assert.equal(intent.terms.bandwidthMibPerSec, undefined)
})
