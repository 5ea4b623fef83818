import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadHistoryView, OutlookView } from '../../../src/apps/server/views/outlook.ts'
import { ApiFailure } from './api.ts'
import { aheadText, hostChart, hostRows, pastText } from './hosts.ts'
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
  const { times, now, lines } = hostChart('a', { history, outlook }, 'cpu')
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
    hostChart('a', { history, outlook }, 'memory').lines.map(({ kind }) => kind),
    ['measured'],
  )
})

test('a host that nobody measured has an empty past, and is no zero', () => {
  assert.deepEqual(hostChart('b', { history, outlook: undefined }, 'cpu').lines[0]?.values, [null, null, null])
})

test('a host without a past has its forecast drawn all the same', () => {
  const { lines } = hostChart('a', { history: { ...history, hosts: [] }, outlook }, 'cpu')
  assert.deepEqual(
    lines.map(({ kind, values }) => [kind, values]),
    [
      ['measured', [null, null, null, null, null]],
      ['forecast', [null, null, null, 0.4, 0.5]],
    ],
  )
})

test('who measured is said of what was measured alone', () => {
  const [told] = history.hosts
  assert.equal(pastText(told), 'As the host measures itself.')
  assert.match(pastText({ ...told, cpuFrom: 'vms' }), /what its VMs used is added up/)
  assert.equal(pastText(undefined), 'Nothing is kept of its past.')
  assert.equal(pastText({ ...told, cpu: [null, null, null] }), 'Nobody measured its CPU in this time.')
  assert.equal(pastText({ ...told, lacking: 'Its size is not known.' }), 'Its size is not known.')
})

test('what is ahead is told with its model, with why there is none, or with why it can not be told', () => {
  const failure = new ApiFailure(503, { message: 'Not ready.' })
  const told = { ...outlook, models: { demand: 'season', contention: 'kernel' } }
  assert.equal(aheadText('a', { value: told, failure: undefined }), 'Models: demand ahead season; contention kernel.')
  assert.equal(aheadText('b', { value: told, failure: undefined }), 'No forecast: too little of it is known.')
  const empty = { ...told, hosts: [{ host: 'a', vms: 0 }] } as unknown as OutlookView
  assert.equal(aheadText('a', { value: empty, failure: undefined }), 'No forecast: it carries no VMs.')
  assert.equal(aheadText('a', { value: undefined, failure: undefined }), 'Asking for what is ahead.')
  assert.equal(aheadText('a', { value: undefined, failure }), 'What is ahead can’t be told: Not ready.')
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
