/** Servers that speak as they should and say what they should not: whatever comes, it is refused as an error of a known kind, and soon. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { PROPERTY_SEED } from '../../../../tools/property.ts'
import { type Connection, type Machine, MachineError } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, type Collector } from './application.ts'
import { MysqlCollector } from './mysql.ts'
import { PostgresCollector } from './postgres.ts'
import { RedisCollector } from './redis.ts'

/** A machine on which whoever is connected to says these pieces, whatever is asked, and hangs up. */
function connectedTo(pieces: readonly Uint8Array[]): Machine {
  const real = nodeMachine()
  const connect = (): Promise<Connection> => {
    const left = pieces.filter((piece) => piece.length > 0)
    return Promise.resolve({
      write: () => Promise.resolve(),
      read: () => Promise.resolve(left.shift()),
      close: () => undefined,
    })
  }
  const passwords = { run: () => Promise.resolve({ status: 0, stdout: '600\n', stderr: '' }), readText: () => 'canary' }
  return { ...real, ...passwords, network: { ...real.network, connect } }
}

async function isTakenWell(collector: Collector): Promise<void> {
  try {
    const counts = await collector.collect()
    for (const value of Object.values(counts)) if (typeof value === 'number') assert.ok(Number.isFinite(value))
  } catch (error) {
    assert.ok(error instanceof CollectError || error instanceof MachineError, String(error))
    assert.doesNotMatch(error.message, /canary/)
  } finally {
    collector.close()
  }
}

const address = { host: '10.1.1.1', port: 1 }
const settings = { name: '', user: 'me', passwordFile: '/p' }
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })

/** Cut at places that no message knows of. */
const cut = (whole: Buffer, places: readonly number[]): readonly Uint8Array[] => {
  const at = [0, ...places.map((place) => place % (whole.length + 1)).toSorted((a, b) => a - b), whole.length]
  return at.slice(1).map((end, i) => whole.subarray(at[i], end))
}
const cuts = fc.array(fc.nat(4000), { maxLength: 5 })

/** Messages of PostgreSQL: letters that it uses, lengths that are right, contents that are anything, among them what signing in needs. */
const postgresMessage = fc.oneof(
  fc
    .tuple(fc.constantFrom(...'R K C D E I N S A T Z v'.split(' ')), bytes(60))
    .map(([kind, body]) => framed(kind, Buffer.from(body))),
  fc
    .tuple(fc.constantFrom(0, 3, 5, 10, 11, 12, 2 ** 31), bytes(40))
    .map(([method, rest]) => framed('R', Buffer.concat([int32(method), rest]))),
  fc.constantFrom(framed('R', int32(0)), framed('Z', Buffer.from('I')), framed('R', int32(10), 'SCRAM-SHA-256\0\0')),
)

function framed(kind: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body])
}

function int32(value: number): Buffer {
  const four = Buffer.alloc(4)
  four.writeUInt32BE(value)
  return four
}

test('PostgreSQL: any run of messages ends in counts, or in an error of a known kind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(postgresMessage, { maxLength: 12 }), cuts, async (messages, places) => {
      await isTakenWell(new PostgresCollector(connectedTo(cut(Buffer.concat(messages), places)), settings, address))
    }),
    { seed: PROPERTY_SEED, numRuns: 500 },
  )
})

const greeting = Buffer.concat([
  Buffer.from('\x0a10.11.19\0'),
  Buffer.alloc(4, 1),
  Buffer.alloc(8, 2),
  Buffer.alloc(19, 0xff),
  Buffer.alloc(13, 3),
  Buffer.from('mysql_native_password\0'),
])
const mysqlBody = fc.oneof(
  bytes(60).map((body) => Buffer.from(body)),
  fc
    .tuple(fc.constantFrom(0, 1, 3, 4, 0xfb, 0xfc, 0xfd, 0xfe, 0xff), bytes(40))
    .map(([first, rest]) => Buffer.of(first, ...rest)),
  fc.constantFrom(greeting, Buffer.of(0, 0, 0, 2, 0, 0, 0), Buffer.of(0xfe, 0, 0, 2, 0), Buffer.of(2)),
)

test('MySQL: any run of packets ends in counts, or in an error of a known kind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mysqlBody, { maxLength: 12 }), cuts, fc.boolean(), async (bodies, places, isGreeted) => {
      const all = isGreeted ? [greeting, ...bodies] : bodies
      const packets = all.map((body, i) => Buffer.concat([Buffer.of(body.length, 0, 0, i), body]))
      await isTakenWell(new MysqlCollector(connectedTo(cut(Buffer.concat(packets), places)), settings, address))
    }),
    { seed: PROPERTY_SEED, numRuns: 500 },
  )
})

const redisLine = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('+OK', '-NOAUTH canary', '$-1', '$5', '$99999999', '*3', ':1', '# Commandstats', 'keyspace_hits:-3'),
  fc
    .tuple(fc.string({ maxLength: 8 }), fc.nat())
    .map(([name, calls]) => `cmdstat_${name}:calls=${calls},usec=${calls}`),
)

test('Redis: any lines end in counts, or in an error of a known kind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(redisLine, { maxLength: 20 }), cuts, fc.boolean(), async (lines, places, isInfo) => {
      const text = lines.join('\r\n')
      const said = isInfo ? `+OK\r\n$${text.length}\r\n${text}\r\n` : text
      await isTakenWell(new RedisCollector(connectedTo(cut(Buffer.from(said, 'latin1'), places)), settings, address))
    }),
    { seed: PROPERTY_SEED, numRuns: 500 },
  )
})
