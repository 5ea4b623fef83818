import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadHistoryView, OutlookView } from '../../../src/apps/server/views/outlook.ts'
import { hostChart, hostRows } from './hosts.ts'
import { readAll } from './pages-of.ts'

const MINUTES_5 = 300_000

const past = {
  host: 'a',
  capacity: {},
  cpuFrom: 'host',
  memoryFrom: 'host',
  cpu: [0.2, null, 0.4],
  memory: [0.5, 0.5, 0.5],
} as const
const history: LoadHistoryView = {
  asOf: 10,
  from: 0,
  stepMs: MINUTES_5,
  steps: 3,
  hosts: [{ ...past, cpu: [...past.cpu], memory: [...past.memory] }],
}
const outlook = {
  stepMs: 2 * MINUTES_5,
  hosts: [{ host: 'a', demand: { p10: [0.3, 0.3], p50: [0.4, 0.5], p90: [0.6, 0.8] } }],
} as unknown as OutlookView

test('what was measured ends where the forecast begins, each at the end of its step', () => {
  const { times, now, lines } = hostChart(history, history.hosts[0], outlook, 'cpu')
  assert.equal(now, 3 * MINUTES_5)
  assert.deepEqual(
    times,
    [1, 2, 3, 5, 7].map((steps) => steps * MINUTES_5),
  )
  assert.deepEqual(
    lines.map(({ kind, values }) => [kind, values]),
    [
      ['measured', [0.2, null, 0.4, null, null]],
      ['forecast', [null, null, null, 0.4, 0.5]],
    ],
  )
  assert.deepEqual(
    [lines[1]?.low, lines[1]?.high],
    [
      [null, null, null, 0.3, 0.3],
      [null, null, null, 0.6, 0.8],
    ],
  )
})

test('of memory there is no forecast, and none is drawn', () => {
  assert.deepEqual(
    hostChart(history, history.hosts[0], outlook, 'memory').lines.map(({ kind }) => kind),
    ['measured'],
  )
})

test('a host that nobody measured has an empty past, and is no zero', () => {
  assert.deepEqual(hostChart(history, undefined, undefined, 'cpu').lines[0]?.values, [null, null, null])
})

test('hosts are found by a part of their name, however it is written', () => {
  const hosts = [{ host: 'Rack-1' }, { host: 'rack-2' }] as never
  assert.deepEqual(
    hostRows(hosts, undefined, ' RACK-1 ').map(({ host }) => host),
    ['Rack-1'],
  )
})

test('a list in pages is read to its end, and a server that never ends is left', async () => {
  const pages = [{ items: [1, 2], next: 'a' }, { items: [3] }]
  const asked: (string | undefined)[] = []
  const all = await readAll(
    async (cursor) => {
      asked.push(cursor)
      return pages[asked.length - 1]
    },
    ({ items }) => items,
  )
  assert.deepEqual(
    [all, asked],
    [
      [1, 2, 3],
      [undefined, 'a'],
    ],
  )
  const endless = await readAll(
    async () => ({ items: [1], next: 'x' }),
    ({ items }) => items,
  )
  assert.equal(endless.length, 200)
})
