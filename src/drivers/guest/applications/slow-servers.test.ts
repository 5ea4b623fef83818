/** Servers in a VM that gets little CPU: they answer, but late. In time that a test makes pass, so that no busy machine is late here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as settled } from 'node:timers/promises'
import { type Connection, type Machine, MachineError } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, type Collector } from './application.ts'
import { PostgresCollector } from './postgres.ts'
import { AFTER_REFUSAL_MS, Watched } from './watched.ts'

const EVERY_MS = 15_000
const address = { path: '/run/postgresql/.s.PGSQL.5432' }

/** Time that passes when a test says so, and who waits for what instant of it. */
class MadeTime {
  nowMs = 0
  private waiting: { readonly atMs: number; readonly go: () => void }[] = []

  sleep(ms: number): Promise<void> {
    return new Promise((go) => void this.waiting.push({ atMs: this.nowMs + ms, go }))
  }

  /** Everything that is due until an instant, one after the other. */
  async passUntil(ms: number): Promise<void> {
    for (;;) {
      await settled()
      const [next] = this.waiting.toSorted((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > ms) break
      this.waiting = this.waiting.filter((each) => each !== next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.go()
    }
    this.nowMs = ms
  }
}

function framed(kind: string, body: Buffer): Buffer {
  const head = Buffer.from(`${kind}\0\0\0\0`, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function row(...values: readonly string[]): Buffer {
  const cells = values.map((text) => Buffer.concat([Buffer.of(0, 0, 0, text.length), Buffer.from(text)]))
  return framed('D', Buffer.concat([Buffer.of(0, values.length), ...cells]))
}

const READY = framed('Z', Buffer.from('I'))
const LET_IN = Buffer.concat([framed('R', Buffer.alloc(4)), READY])
const TOO_LONG = Buffer.concat([framed('E', Buffer.from('C57014\0\0')), READY])

/** How long each step takes of a PostgreSQL that was just connected to: as seen in an emulated guest under load. */
const TOOK_MS = { letIn: 1500, features: 2300, statistics: 1000 }

/** A PostgreSQL that takes its time, and ends a statement that takes longer than the client asked for as it began. */
function slowPostgres(time: MadeTime): Connection {
  let timeoutMs = Infinity
  let transactions = 0
  const answers: Promise<Buffer>[] = []
  const answer = (ms: number, bytes: Buffer): void =>
    void answers.push(time.sleep(Math.min(ms, timeoutMs)).then(() => (ms > timeoutMs ? TOO_LONG : bytes)))
  return {
    write: (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      const limit = /statement_timeout=(\d+)/.exec(text)?.[1]
      if (limit !== undefined) {
        answer(TOOK_MS.letIn, LET_IN)
        timeoutMs = Number(limit)
      } else if (text.includes('pg_has_role')) {
        answer(TOOK_MS.features, Buffer.concat([row('', '', 't', 't', ''), READY]))
      } else {
        transactions += 500
        const databases = row(`${transactions}`, '9', '1', '0', '0', '0', '12', '100')
        answer(TOOK_MS.statistics, Buffer.concat([databases, row('2', '1', '0'), READY]))
      }
      return Promise.resolve()
    },
    read: () => answers.shift() ?? new Promise(() => undefined),
    close: () => undefined,
  }
}

function machineIn(time: MadeTime, connect: () => Promise<Connection>): Machine {
  const real = nodeMachine()
  return {
    ...real,
    monotonicMs: () => time.nowMs,
    sleep: (ms) => time.sleep(ms),
    network: { ...real.network, connect },
  }
}

test('a PostgreSQL that takes five seconds to let us in and to answer at first is seen', async () => {
  const time = new MadeTime()
  const machine = machineIn(time, () => Promise.resolve(slowPostgres(time)))
  const collector = new PostgresCollector(machine, { name: '', user: 'ethos-agent' }, address)
  const watched = new Watched(machine, collector, { everyMs: EVERY_MS, isFound: true })
  for (let ms = 0; ms <= 15_000; ms += 5000) {
    watched.turn(ms)
    await time.passUntil(ms + 5000)
  }
  assert.equal(watched.finding().because, 'found by itself')
  // 500 transactions between the answers at 4.8 s and, asked at the look after, 6 s; of the 500 one is ours.
  assert.ok(Math.abs((watched.rates(20_000)?.requestsPerSec ?? 0) - 499 / 1.2) < 1)
})

/** An application that fails, each time by the next of these errors; undefined answers. */
function failing(errors: readonly (Error | undefined)[]): Collector & { asked: number } {
  return {
    title: 'PostgreSQL',
    place: address.path,
    asked: 0,
    collect(): Promise<object> {
      const error = errors[Math.min(this.asked++, errors.length - 1)]
      return error === undefined ? Promise.resolve({}) : Promise.reject(error)
    },
    close: () => undefined,
  }
}

const LATE = new MachineError('ETIMEDOUT', 'no whole answer within 10000 ms')

async function askedAt(collector: Collector & { asked: number }, untilMs: number): Promise<readonly number[]> {
  const time = new MadeTime()
  const machine = machineIn(time, () => Promise.reject(LATE))
  const watched = new Watched(machine, collector, { everyMs: EVERY_MS, isFound: true })
  const at: number[] = []
  for (let ms = 0; ms <= untilMs; ms += 5000) {
    time.nowMs = ms
    const before = collector.asked
    watched.turn(ms)
    await settled()
    if (collector.asked > before) at.push(ms / 1000)
  }
  return at
}

test('who was late is asked again after growing steps, and at least once in eight intervals', async () => {
  assert.deepEqual(await askedAt(failing([LATE]), 450_000), [0, 30, 90, 210, 330, 450])
})

test('who refused is asked again after ten minutes', async () => {
  const refused = new CollectError('no', { isRefusal: true })
  assert.deepEqual(await askedAt(failing([refused]), AFTER_REFUSAL_MS), [0, 600])
})

test('what can not be seen is news once, another reason is, and so is that it is seen again', async () => {
  const other = new MachineError('ECONNRESET', 'PostgreSQL was stopped')
  const time = new MadeTime()
  const machine = machineIn(time, () => Promise.reject(LATE))
  const collector = failing([LATE, LATE, other, undefined, undefined])
  const watched = new Watched(machine, collector, { everyMs: EVERY_MS, isFound: true })
  assert.equal(watched.change(), undefined)
  const news: (string | undefined)[] = []
  for (const seconds of [0, 30, 90, 210, 225]) {
    time.nowMs = seconds * 1000
    watched.turn(time.nowMs)
    await settled()
    news.push(watched.change()?.because)
  }
  assert.deepEqual(news, [LATE.message, undefined, other.message, 'found by itself', undefined])
})

test('of one that was late the doctor says what may be the matter', async () => {
  const watched = new Watched(nodeMachine(), failing([LATE]), { everyMs: EVERY_MS, isFound: true })
  await watched.settle()
  assert.match(watched.finding().remedy ?? '', /does it hang, or is this VM short of CPU/)
})
