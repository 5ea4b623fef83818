/** Several processes on one database, each with a pool of its own. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { aVictimVector } from '../../../tools/server/postgres-load.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { VmId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import { type Arrivals, RETENTION, type SiteStore } from '../../world/site-store.ts'
import { openPostgresSite } from './site.ts'

const skip = withoutPostgres
const NOON = 20_000 * DAY_MS + DAY_MS / 2
let server: PostgresServer | undefined
let made = 0
before(async () => {
  if (skip === false) server = await PostgresServer.start({ settings: { fsync: 'off' } })
})
after(async () => {
  await server?.remove()
})

async function withPair(work: (one: SiteStore, other: SiteStore) => Promise<void>): Promise<void> {
  const schema = `pair_${made++}`
  const open = () => openPostgresSite(server?.url() ?? '', { admit, schema })
  // Both find nothing there, and make the tables: one waits for the other.
  const [one, other] = await Promise.all([open(), open()])
  try {
    await work(one, other)
  } finally {
    await one.close()
    await other.close()
  }
}

function arrival(vm: VmId, sequences: readonly number[]): Arrivals {
  const vectors = sequences.map((sequence) => aVictimVector(vm, { sender: 'run-1', sequence, windowEnd: NOON }))
  return { vm, at: NOON, vectors, isClockOff: sequences.map(() => false), counts: {} }
}

test(
  'two processes that take the same vectors of the same VMs keep each once, and never wait for each other in a ring',
  {
    skip,
  },
  () =>
    withPair(async (one, other) => {
      const vms = Array.from({ length: 20 }, (_, i) => `vm-${i}` as VmId)
      for (const vm of vms) await one.identities.admit(vm, NOON, 'channel')
      const rounds = Array.from({ length: 10 }, (_, round) => round)
      const takeAll = async (store: SiteStore, order: readonly VmId[]) => {
        let accepted = 0
        for (const round of rounds) {
          const intakes = await store.vectors.take(order.map((vm) => arrival(vm, [2 * round, 2 * round + 1])))
          for (const intake of intakes) {
            assert.equal(intake.kind, 'heard')
            accepted += intake.kind === 'heard' ? intake.outcomes.filter((outcome) => outcome === 'accepted').length : 0
          }
        }
        return accepted
      }
      const accepted = await Promise.all([takeAll(one, vms), takeAll(other, vms.toReversed())])
      // 20 VMs, 10 rounds of 2.
      assert.equal(accepted[0] + accepted[1], 400)
      for (const { counts, vectorsKept } of await one.identities.list())
        assert.deepEqual([counts['accepted'], counts['duplicates'], vectorsKept], [20, 20, 20])
      assert.deepEqual(await damageOf(one), [])
    }),
)

test('two processes append to one chain at the same time', { skip }, () =>
  withPair(async (one, other) => {
    const numbers = (await Promise.all([appendForty(one, 'one'), appendForty(other, 'other')])).flat()
    assert.equal(new Set(numbers).size, 80)
    assert.deepEqual(await one.journal.verify(), { kind: 'whole', lines: 80 })
    const mine = (await other.journal.last(80)).filter(({ line }) => line.startsWith('one '))
    assert.deepEqual(
      mine.map(({ line }) => line),
      Array.from({ length: 40 }, (_, i) => `one ${i}`),
    )
  }),
)

test('of two processes that start at once one adds the first token, and one takes the lease', { skip }, () =>
  withPair(async (one, other) => {
    const token = (id: string) => ({ id, secretDigest: 'ab', role: 'admin', name: 'first', createdAt: NOON }) as const
    const added = await Promise.all([one.apiTokens.addFirst(token('01')), other.apiTokens.addFirst(token('02'))])
    assert.equal(added.filter(Boolean).length, 1)
    const leases = await Promise.all([
      one.leases.take('controller', 'one', NOON, 1000),
      other.leases.take('controller', 'other', NOON, 1000),
    ])
    assert.equal(leases.filter((lease) => lease !== undefined).length, 1)
    const sets = await Promise.all(
      [one, other].map((store) => store.settings.set('policy', '{}', { who: 'me', at: NOON, expected: 0 })),
    )
    assert.equal(sets.filter(Boolean).length, 1)
  }),
)

test('a process whose lease was taken over appends nothing, whatever waits with it', { skip }, () =>
  withPair(async (one, other) => {
    const mine = await one.leases.take('controller', 'one', NOON, 1000)
    await other.leases.take('controller', 'other', NOON + 2000, 1000)
    const results = await Promise.allSettled([
      one.journal.append('free', NOON),
      one.journal.append('fenced', NOON, mine?.token),
      one.journal.append('free too', NOON),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const reason: unknown = results[1].status === 'rejected' ? results[1].reason : undefined
    assert.ok(reason instanceof StoreError && reason.code === 'fenced')
    assert.deepEqual(await other.journal.verify(), { kind: 'whole', lines: 2 })
  }),
)

test('one process tends at a time, and what it packs and deletes changes no count', { skip }, () =>
  withPair(async (one, other) => {
    const vm = 'vm-1' as VmId
    await one.identities.admit(vm, NOON, 'channel')
    const vectors = Array.from({ length: 60 }, (_, sequence) =>
      aVictimVector(vm, { sender: 'run-1', sequence, windowEnd: NOON + sequence * HOUR_MS }),
    )
    for (const vector of vectors)
      await one.vectors.take([{ ...arrival(vm, []), at: vector.windowEnd, vectors: [vector], isClockOff: [false] }])
    const at = NOON + 10 * DAY_MS
    await one.upkeep.tend(at, RETENTION)
    assert.deepEqual(await other.upkeep.tend(at, RETENTION), { packed: 0, deleted: 0, isDone: true })
    while (!(await one.upkeep.tend(at, RETENTION)).isDone);
    const history = await other.vectors.history(vm, { from: 0, to: at, most: 100 })
    assert.deepEqual(
      history.map(({ vector }) => vector.sequence),
      vectors.map(({ sequence }) => sequence),
    )
    assert.deepEqual(await damageOf(other), [])
  }),
)

function appendForty(store: SiteStore, who: string): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: 40 }, (_, i) => store.journal.append(`${who} ${i}`, NOON)))
}

async function damageOf(store: SiteStore): Promise<readonly unknown[]> {
  return (await store.upkeep.check()).filter(({ severity }) => severity === 'damage')
}
