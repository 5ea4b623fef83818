/** The ledger as the API tells it, of turns that were taken; the same figures from the command line. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { TurnBench } from '../../../../tools/server/turn-bench.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../terms/units.ts'
import { MAIN } from '../../cli/builders.ts'
import { aTurnLine } from '../ledger/builders.ts'
import { readForesight } from '../ledger/foresight-read.ts'
import { type CoverageRow, LedgerMovesView, LedgerStaysView, LedgerView } from '../views/ledger.ts'
import { type Answered, ApiBench } from './builders.ts'

const site = new TurnBench({ hosts: 4, vms: 40 })
// The same hour each time, for the site's loads follow the hour.
site.now = Math.floor(Date.now() / DAY_MS - 1) * DAY_MS + 6 * HOUR_MS
const bench = new ApiBench({ store: site.store })
let token = ''

before(async () => {
  await site.open()
  // Two quiet hours; then all VMs of a host want all that they may, and after an hour and a half no more.
  for (let turn = 0; turn < 60; turn++) {
    if (turn === 24) site.site.hostOf.forEach((host, vm) => host === 0 && site.site.pressure.set(vm, 1))
    if (turn === 42) site.site.pressure.clear()
    await site.step()
  }
  bench.now = site.now
  await bench.start()
  token = await bench.token('viewer')
})
after(() => bench.stop())

function get(path: string): Promise<Answered> {
  // On a connection of its own: one that is kept may be closed by the server while a command runs.
  return bench.ask({ path, token, headers: { connection: 'close' } })
}

/** Every item of a list that comes in pages. */
async function all(path: string, name: 'moves' | 'stays'): Promise<Readonly<Record<string, any>>[]> {
  const items: Readonly<Record<string, any>>[] = []
  for (let before = ''; ; ) {
    const { json } = await get(`${path}${path.includes('?') ? '&' : '?'}limit=7${before}`)
    items.push(...json[name])
    if (json['next'] === undefined) return items
    before = `&before=${json['next']}`
  }
}

/** By hand, from the lines: pairs of slots so far apart, of hosts with the same VMs. */
async function countedByHand(minutes: number, model: string): Promise<readonly [checks: number, held: number]> {
  const lines = (await site.store.journal.from(0, 10_000)).map(({ line }) => line)
  const told = lines.filter((line) => line.startsWith('{"kind":"foresight"')).map(readForesight)
  let checks = 0
  let held = 0
  for (const later of told)
    for (const earlier of told)
      for (const [host, was] of earlier.rows) {
        const row = later.rows.get(host)
        if (later.at - earlier.at !== minutes * MINUTE_MS || row === undefined || row.members !== was.members) continue
        const place = 2 * [5, 15, 30, 60].indexOf(minutes)
        const [low, high] =
          model === 'host-loads' ? [2 * was.p50 - was.p95, was.p95] : (was.ahead?.slice(place, place + 2) ?? [])
        if (low === undefined) continue
        checks++
        const slack = 0.005 * row.capacity
        if (low - slack <= row.demand && row.demand <= high + slack) held++
      }
  return [checks, held]
}

test('coverage is what a count by hand of all kept forecasts gives, for each horizon', async () => {
  const { json } = await get('/v1/ledger')
  assert.deepEqual(Compile(LedgerView).Errors(json), [])
  assert.deepEqual([json['hosts'], json['recordedHosts']], [4, 4])
  const rows = json['day'].coverage as readonly CoverageRow[]
  assert.deepEqual(
    rows.map(({ horizonMs, model }) => [horizonMs / MINUTE_MS, model]),
    ['host-loads', 'look-back-futures'].flatMap((model) => [5, 15, 30, 60].map((minutes) => [minutes, model])),
  )
  for (const { horizonMs, checks, held, share, model } of rows) {
    assert.deepEqual([checks, held], await countedByHand(horizonMs / MINUTE_MS, model))
    assert.ok(checks > 50 && share === held / checks)
  }
})

test('what was not done is told in pages, with verdicts that add up to the sums', async () => {
  const first = await get('/v1/ledger/stays')
  assert.deepEqual(Compile(LedgerStaysView).Errors(first.json), [])
  const stays = await all('/v1/ledger/stays', 'stays')
  assert.equal(new Set(stays.map(({ id }) => id)).size, stays.length)
  const count = (verdict: string): number => stays.filter((stay) => stay['verdict'] === verdict).length
  const { right, wrong, notYetKnown, unknown } = (await get('/v1/ledger')).json['day'].stays
  assert.deepEqual(
    [right, wrong, notYetKnown, unknown],
    ['right', 'wrong', 'not-yet-known', 'unknown'].map((verdict) => count(verdict)),
  )
  assert.ok(wrong > 0, 'the pressed host was contended, and nobody carries orders out')
  const wrongs = await all('/v1/ledger/stays?verdict=wrong', 'stays')
  assert.equal(wrongs.length, wrong)
  for (const stay of wrongs) assert.ok(stay['came'].contention && /Contention came/.test(stay['why']))
  assert.ok(wrongs.every(({ host }) => host === site.site.hosts[0].id))
})

test('moves that nobody carried out are told as such, in pages', async () => {
  const { json } = await get('/v1/ledger/moves')
  assert.deepEqual(Compile(LedgerMovesView).Errors(json), [])
  const moves = await all('/v1/ledger/moves', 'moves')
  assert.deepEqual(new Set(moves.map(({ id }) => id)), new Set(site.orders.map(({ id }) => id)))
  assert.ok(
    moves.every(
      ({ state, regret, unknown }) => state === 'not-carried-out' && regret === undefined && unknown.length === 1,
    ),
  )
})

test('the ledger goes on with the journal: a turn that is written later is in the next answer', async () => {
  const before = (await get('/v1/ledger')).json['day'].stays.unknown as number
  const event = { kind: 'host-kept', hostId: '<img src=x onerror=alert(1)>', reason: '=cmd()' }
  await site.store.journal.append(aTurnLine(bench.now, { events: [event] }), bench.now, site.token)
  const { json } = await get('/v1/ledger/stays?verdict=unknown&limit=1')
  assert.equal(json['stays'][0].host, event.hostId)
  assert.equal((await get('/v1/ledger')).json['day'].stays.unknown, before + 1)
})

test('a line that is damaged hides no other, and is told', async () => {
  await site.store.journal.append('{"kind":"foresight","rows":', bench.now, site.token)
  const { json, status } = await get('/v1/ledger')
  assert.equal(status, 200)
  assert.match(json['unknown'].join(' '), /1 lines of the journal could not be read: `ethos store check`/)
})

test('questions that are none are refused', async () => {
  for (const query of ['moves?limit=0', 'moves?limit=101', 'moves?verdict=wrong', 'stays?verdict=maybe', 'moves?x=1'])
    assert.equal((await get(`/v1/ledger/${query}`)).status, 400, query)
  assert.equal((await get(`/v1/ledger/moves?before=${'x'.repeat(300)}`)).status, 400)
  assert.equal((await get('/v1/ledger/moves?before=nonsense')).status, 200)
  assert.equal((await bench.ask({ path: '/v1/ledger' })).status, 401)
})

test('`ethos ledger` tells the same figures: as JSON those of the answer, and as a table', async () => {
  const told = (await get('/v1/ledger')).json
  const { stdout: json } = await ethos('ledger', '--json')
  assert.deepEqual(JSON.parse(json), told)
  const { stdout } = await ethos('ledger')
  const { day } = told
  assert.match(stdout, new RegExp(`^stays right, wrong +${day.stays.right}, ${day.stays.wrong} `, 'm'))
  assert.match(stdout, new RegExp(`^moves ordered +${day.moves.ordered} +${told['week'].moves.ordered}$`, 'm'))
  const [first] = day.coverage
  assert.match(stdout, new RegExp(`^host-loads +5 min +${(first.share * 100).toFixed(1)} % of ${first.checks} `, 'm'))
  const stays = await ethos('ledger', '--stays', '--verdict', 'wrong', '--limit', '3')
  assert.match(stays.stdout, / wrong$/m)
  const moves = await ethos('ledger', '--moves', '--limit', '2')
  assert.match(moves.stdout, /not-carried-out .*\nThere are more: ethos ledger --moves --before /s)
  assert.equal((await ethos('ledger', '--verdict', 'wrong')).code, 2)
  assert.equal((await ethos('ledger', '--moves', '--limit', '0')).code, 2)
})

/** The command line, asking the server of this test. */
function ethos(...words: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const ca = join(bench.folder, 'ca.pem')
  writeFileSync(ca, bench.authority.pem)
  const env = { ...process.env, ETHOS_SERVER: bench.url, ETHOS_CA: ca, ETHOS_TOKEN: token }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout }))
  })
}
