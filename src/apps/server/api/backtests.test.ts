/** Backtests as jobs: what the API answers is what `ethos backtest` prints; what may be asked, ended and survives. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants, getPriority } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Compile } from 'typebox/compile'
import { ImaginedSite } from '../../../../tools/server/imagined-site.ts'
import { until } from '../../../../tools/server/live-site.ts'
import { HOUR_MS } from '../../../terms/units.ts'
import { slotOf } from '../../../terms/usage.ts'
import { runBacktest } from '../../backtest/backtest.ts'
import { BacktestDesk } from '../backtests/backtest-desk.ts'
import { BacktestFolder } from '../backtests/backtest-folder.ts'
import { ownSetup, ownSite } from '../backtests/own-span.ts'
import { openSite } from '../open-site.ts'
import { BacktestLoadsView, BacktestSourcesView, BacktestsView, BacktestView } from '../views/backtests.ts'
import { type Answered, ApiBench } from './builders.ts'

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
/** Small enough for a test, large enough that somebody moves. */
const SMALL = { source: 'azure', day: 4, vms: 60, hosts: 8, seed: 7, policies: ['ethos', 'proxlb'] } as const
/** Longer than a test waits. */
const LONG = { source: 'azure', vms: 3000, policies: ['ethos', 'oracle-1h', 'oracle-24h'] } as const

const bench = new ApiBench()
let viewer = ''
let operator = ''

before(async () => {
  await bench.start()
  viewer = await bench.token('viewer')
  operator = await bench.token('operator')
})
after(() => bench.stop())

/** On a connection of its own: one that is kept may be closed by the server while a test waits for long. */
const headers = { connection: 'close' }

function get(path: string): Promise<Answered> {
  return bench.ask({ path, token: viewer, headers })
}

function post(body: object): Promise<Answered> {
  return bench.ask({ method: 'POST', path: '/v1/backtests', token: operator, body, headers })
}

function remove(id: string): Promise<Answered> {
  return bench.ask({ method: 'DELETE', path: `/v1/backtests/${id}`, token: operator, headers })
}

/** Begins one and waits until it is over. */
async function runToEnd(body: object): Promise<Answered['json']> {
  const begun = await post(body)
  assert.equal(begun.status, 201, begun.text)
  const { id } = begun.json
  return until(`backtest ${id} is over`, async () => {
    const { json } = await get(`/v1/backtests/${id}`)
    return json['state'] === 'running' ? undefined : json
  })
}

/** Lines of a scoreboard without what differs from run to run. */
function figures(results: readonly Readonly<Record<string, unknown>>[]): readonly object[] {
  return results.map(({ cpuSeconds, ...rest }) => {
    assert.ok(typeof cpuSeconds === 'number' && cpuSeconds >= 0)
    return rest
  })
}

test('the numbers are those of `ethos backtest --json` for the same span and seed', async () => {
  const told: unknown[] = []
  const stop = bench.backtests.subscribe(({ text }) => told.push(JSON.parse(text)))
  const done = await runToEnd(SMALL)
  stop()
  assert.equal(done['state'], 'done', JSON.stringify(done))
  assert.deepEqual(Compile(BacktestView).Errors(done), [])
  const file = join(bench.folder, 'cli.json')
  const asked = ['--trace', 'azure/4', '--vm-count', '60', '--host-count', '8', '--seed', '7']
  await promisify(execFile)(process.execPath, [CLI, 'backtest', ...asked, '--policy', 'ethos,proxlb', '--json', file])
  const { results, ...about } = JSON.parse(readFileSync(file, 'utf8')) as { readonly results: [] }
  const { results: ours, ...ourAbout } = done['run']
  assert.deepEqual(ourAbout, about)
  assert.deepEqual(figures(ours), figures(results))
  assert.ok(
    figures(ours).some((row) => (row as { migrations: number }).migrations > 0),
    'somebody moves',
  )
  assert.equal((told.at(-1) as { state: string }).state, 'done')
})

test('two futures are told side by side, step by step and host by host', async () => {
  const { id, run, series } = await runToEnd(SMALL)
  assert.deepEqual(
    series.courses.map(({ moves }: { moves: number[] }) => moves.reduce((sum, one) => sum + one, 0)),
    run.results.map(({ migrations }: { migrations: number }) => migrations),
  )
  const loads = (await get(`/v1/backtests/${id}/loads`)).json
  assert.deepEqual(Compile(BacktestLoadsView).Errors(loads), [])
  assert.deepEqual(
    loads['policies'].map(({ policy, demand }: { policy: string; demand: [] }) => [policy, demand.length]),
    [
      ['ethos', 8],
      ['proxlb', 8],
    ],
  )
  assert.equal((await get(`/v1/backtests/${id}/loads?policies=ethos,nobody`)).status, 400)
  assert.equal((await get(`/v1/backtests/${id}/loads?policies=ethos,proxlb,ethos`)).status, 400)
})

test("the site's own past is run as the store keeps it, on the site's own hosts", async () => {
  const site = new ImaginedSite({ hosts: 4, vms: 24, seed: 1, cores: 16 })
  const to = slotOf(bench.now)
  const from = to - 3 * HOUR_MS
  await site.register(bench.store, bench.now)
  await site.tellPast(bench.store, { from, to })
  await site.tellReports(bench.store, bench.now)
  const done = await runToEnd({ source: 'own', from, to, policies: ['ethos', 'none'] })
  assert.equal(done['state'], 'done', JSON.stringify(done))
  const { run, series } = done
  assert.deepEqual([run.fleet, run.hosts, run.vms, run.steps, series.firstAt], ['own', 4, 24, 36, from])
  const store = await openSite({ data: bench.folder })
  const setup = await ownSetup(store, await ownSite(store, bench.now), { from, to, seed: 1 })
  await store.close()
  const { runs } = await runBacktest(setup, { policies: ['ethos', 'none'], lives: 'auto', keepsDetail: false })
  assert.deepEqual(figures(run.results), figures(runs.map(({ result }) => ({ ...result }))))
})

test('one runs at a time, at a low priority, and cancelling ends its process', async () => {
  const begun = await post(LONG)
  assert.equal(begun.status, 201, begun.text)
  const { id } = begun.json
  const pid = bench.backtests.pid ?? assert.fail('nothing runs')
  const second = await post(SMALL)
  assert.deepEqual([second.status, second.json['current'].id], [409, id])
  await until('it has begun', () => getPriority(pid) === constants.priority.PRIORITY_BELOW_NORMAL)
  assert.equal((await remove(id)).json['text'], 'It is cancelled.')
  assert.equal(bench.backtests.pid, undefined)
  assert.throws(() => process.kill(pid, 0), /ESRCH/)
  assert.deepEqual((await get(`/v1/backtests/${id}`)).json['state'], 'cancelled')
  assert.equal((await get(`/v1/backtests/${id}/loads`)).status, 404)
  assert.equal((await remove(id)).json['text'], 'It is deleted.')
  assert.equal((await remove(id)).status, 404)
  assert.ok(!existsSync(join(bench.folder, 'backtests', id)))
})

test('a backtest that ran when the server ended is told as interrupted after the restart, and those that were done are there', async () => {
  const folder = join(bench.folder, 'other')
  const log = { warn: () => undefined, error: () => undefined }
  const about = { folder, place: { data: bench.folder }, clock: { now: () => bench.now }, log }
  const desk = new BacktestDesk(about)
  const job = { source: 'azure', policies: ['none'], vms: 20, fleet: 'virtualisation-2022-1tb', seed: 1 } as const
  const { summary } = await desk.start(job, 'ada')
  await until('it is done', async () => (await desk.find(summary.id))?.state === 'done')
  bench.now += 1000
  const { summary: broken } = await desk.start({ ...job, vms: 3000, policies: ['oracle-1h'] }, 'ada')
  // The server is killed: its file says that it runs.
  const after = new BacktestDesk(about)
  const listed = await after.list()
  assert.deepEqual(
    listed.map(({ id, state }) => [id, state]),
    [
      [broken.id, 'interrupted'],
      [summary.id, 'done'],
    ],
  )
  assert.match(listed[0].reason ?? '', /ended while it ran/)
  await desk.close()
})

/** A desk over a folder of its own, and what a desk after a restart would find there. */
function aDesk(
  name: string,
  entry?: URL,
): { readonly desk: BacktestDesk; readonly kept: () => Promise<readonly string[]> } {
  const log = { warn: () => undefined, error: () => undefined }
  const folder = join(bench.folder, name)
  const about = { folder, place: { data: bench.folder }, clock: { now: () => bench.now }, log }
  const kept = async () => (await new BacktestFolder(folder).list()).map(({ state }) => state)
  return { desk: new BacktestDesk(entry === undefined ? about : { ...about, entry }), kept }
}

const BRIEF = { source: 'azure', policies: ['none'], vms: 20, fleet: 'virtualisation-2022-1tb', seed: 1 } as const

test('one that is ended while its record is still being written has no process, and stays on the list as cancelled', async () => {
  const { desk, kept } = aDesk('early')
  const starting = desk.start(BRIEF, 'ada')
  const begun = await until('it is on the list', async () => (await desk.list()).at(0))
  assert.equal(desk.pid, undefined, 'its process is not there yet')
  assert.equal(await desk.remove(begun.id, 'bob'), 'cancelled')
  const { kind, summary } = await starting
  assert.deepEqual(
    [kind, summary.state, summary.reason, desk.pid],
    ['started', 'cancelled', 'Cancelled by bob.', undefined],
  )
  assert.deepEqual(await kept(), ['cancelled'])
  // Nothing of it is in the way of the next.
  assert.equal((await desk.start(BRIEF, 'ada')).kind, 'started')
  await desk.close()
})

test('one whose process can not be started has failed, and is not in the way of the next', async () => {
  // Longer than the kernel takes as an argument: refused on the spot, as for want of memory.
  const { desk, kept } = aDesk('unstarted', new URL(`file:///${'x'.repeat(200_000)}.ts`))
  for (const who of ['ada', 'bob']) {
    const { kind, summary } = await desk.start(BRIEF, who)
    assert.equal(kind, 'started')
    const over = await until('it is over', async () => {
      const found = await desk.find(summary.id)
      return found?.state === 'running' ? undefined : found
    })
    assert.deepEqual([over.state, desk.pid], ['failed', undefined])
    assert.match(over.reason ?? '', /want of memory\. It could not be started\./)
  }
  await desk.close()
  assert.deepEqual(await kept(), ['failed', 'failed'])
})

test('a desk that is closed while a record is being written leaves no process behind', async () => {
  const { desk, kept } = aDesk('closed')
  const starting = desk.start(BRIEF, 'ada')
  await until('it is on the list', async () => (await desk.list()).at(0))
  await desk.close()
  assert.deepEqual([(await starting).summary.state, desk.pid], ['interrupted', undefined])
  assert.deepEqual(await kept(), ['interrupted'])
})

test('what is deleted while it is being written does not come back', async () => {
  const folder = new BacktestFolder(join(bench.folder, 'late'))
  const summary = { id: '0'.repeat(16), state: 'done', progress: { share: 1 }, who: 'ada', startedAt: 1 } as const
  const writing = folder.write({ ...summary, ...BRIEF, policies: [...BRIEF.policies] })
  const removing = folder.remove(summary.id)
  await Promise.all([writing, removing])
  assert.deepEqual(await folder.list(), [])
})

test('what is no request of that kind is refused, and nothing of a caller becomes a path', async () => {
  const hostile: readonly object[] = [
    {},
    { source: '../../etc/passwd' },
    { source: 'planetlab' },
    { source: 'azure', trace: '/etc/passwd' },
    { source: 'azure', fleet: '/etc/passwd' },
    { source: 'azure', fleet: 'cloudsim' },
    { source: 'azure', policies: ['ethos', 'rm -rf'] },
    { source: 'azure', policies: [] },
    { source: 'azure', policies: ['ethos', 'ethos'] },
    { source: 'azure', policies: ['ethos', 'none', 'npa', 'dvfs', 'lr-mmt', 'proxlb', 'thr-mmt'] },
    { source: 'azure', vms: 1e9 },
    { source: 'azure', vms: 9999 },
    { source: 'azure', day: 900 },
    { source: 'azure', day: 1.5 },
    { source: 'azure', seed: -1 },
    { source: 'azure', from: bench.now - HOUR_MS },
    { source: 'own', day: 3 },
    { source: 'own', vms: 3 },
    { source: 'own', hosts: 3 },
    { source: 'own', from: 0 },
    { source: 'own', from: bench.now - 60_000 },
    { source: 'own', from: bench.now - 20 * 24 * HOUR_MS },
    { source: 'own', to: 0 },
    { source: 'azure', __proto__: null, constructor: 1 },
  ]
  for (const body of hostile) {
    const { status, json, text } = await post(body)
    assert.deepEqual([status, json['error']?.code], [400, 'invalid'], `${JSON.stringify(body)}: ${text}`)
  }
  for (const id of ['..', '%2e%2e%2fsite.sqlite', '0'.repeat(16), '<img onerror=1>', 'sources%00'])
    assert.equal((await get(`/v1/backtests/${encodeURIComponent(id)}`)).status, 404, id)
  assert.equal((await bench.ask({ method: 'POST', path: '/v1/backtests', token: viewer, body: SMALL })).status, 403)
  assert.equal((await bench.ask({ method: 'DELETE', path: '/v1/backtests/x', token: viewer })).status, 403)
})

test('a span in which nobody was measured is told as what failed, with a remedy', async () => {
  const to = slotOf(bench.now) - 24 * HOUR_MS
  const done = await runToEnd({ source: 'own', from: to - 2 * HOUR_MS, to })
  assert.equal(done['state'], 'failed')
  assert.match(done['reason'], /No VM that runs now was measured in this span: choose a later one/)
})

test('what may be asked is a fixed list', async () => {
  const { json } = await get('/v1/backtests/sources')
  assert.ok(Compile(BacktestSourcesView).Check(json))
  assert.deepEqual(
    json['sources'].map(({ source }: { source: string }) => source),
    ['own', 'azure', 'azure-max'],
  )
  assert.ok(Compile(BacktestsView).Check((await get('/v1/backtests')).json))
})
