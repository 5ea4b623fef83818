import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { node26Path } from '../../../tools/node26.ts'
import { aWideTrace, UserFolder } from '../cli/builders.ts'

const STEPS = 48
const user = new UserFolder()
user.write('day.csv', aWideTrace({ vms: 20, steps: STEPS, level: 45, swing: 40 }))
after(() => user.remove())

/** Another clock, other luck, other CPU times, another country: all that a run might look at and must not. */
const ELSEWHERE = `
  const shift = 1e12
  const now = Date.now
  Date.now = () => 2 * now() - shift
  const since = performance.now.bind(performance)
  performance.now = () => shift - 3 * since()
  Math.random = () => 0.75
  process.cpuUsage = () => ({ user: shift, system: shift })
  process.hrtime.bigint = () => 0n`

describe('the record of a run under honest rules', () => {
  const first = record({ seed: 1 })

  test('has a line per turn with its events and orders, of which there are some', () => {
    const [header, ...turns] = first
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([header.kind, header.balancer, header.seed], ['header', 'ethos', 1])
    assert.deepEqual(
      turns.map(({ kind, turn, at }) => [kind, turn, at]),
      Array.from({ length: STEPS }, (_, turn) => ['turn', turn, turn * 300_000]),
    )
    const orders = turns.flatMap((turn) => turn.orders)
    const told = turns.flatMap((turn) => turn.events).filter(({ kind }) => kind === 'move-ordered')
    assert.ok(orders.length > 0)
    assert.deepEqual(
      told.map(({ order }) => order.id),
      orders.map(({ id }) => id),
    )
  })

  test('is the same byte for byte with the same seed', () => {
    assertSame(record({ seed: 1 }), first)
  })

  test('is another with another seed, and not only its header', () => {
    const other = record({ seed: 2 })
    assert.ok(withoutHeader(other) !== withoutHeader(first))
  })

  test('does not depend on clocks, on the luck of the process, on its CPU time or on where it is', () => {
    const options = `--import "data:text/javascript,${encodeURIComponent(ELSEWHERE)}"`
    const env = { NODE_OPTIONS: options, TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }
    assertSame(record({ seed: 1, env }), first)
  })

  for (const policy of ['proxmox-crs', 'lr-mmt', 'oracle-1h']) {
    test(`is the same byte for byte for ${policy}`, () => {
      assertSame(record({ seed: 1, policy }), record({ seed: 1, policy }))
    })
  }

  const node26 = node26Path()
  test('is the same byte for byte on Node 26', { skip: node26 === undefined && 'needs `npm run test:node26`' }, () => {
    assert.ok(node26 !== undefined)
    assertSame(record({ seed: 1, node: node26 }), first)
  })
})

interface RecordRequest {
  readonly seed: number
  readonly policy?: string
  readonly node?: string
  readonly env?: Record<string, string>
}

function record({ seed, policy = 'ethos', ...options }: RecordRequest): string {
  const what = ['--trace', 'day.csv', '--hosts', 'cloudsim', '--host-count', '14', '--rules', 'honest']
  const how = ['--policy', policy, '--seed', String(seed), '--record', 'record.jsonl']
  const { code, stderr } = user.run(['backtest', ...what, ...how], options)
  assert.equal(code, 0, stderr)
  return readFileSync(join(user.path, 'record.jsonl'), 'utf8')
}

/** Says the first line that differs, not both records. */
function assertSame(actual: string, expected: string): void {
  const lines = actual.split('\n')
  const differing = expected.split('\n').findIndex((line, i) => line !== lines[i])
  if (differing >= 0) assert.equal(lines[differing], expected.split('\n')[differing], `line ${differing + 1}`)
  assert.equal(actual.length, expected.length)
}

function withoutHeader(text: string): string {
  return text.slice(text.indexOf('\n'))
}
