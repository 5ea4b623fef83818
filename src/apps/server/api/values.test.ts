/** What the routes answer, on a real store. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aHost, aVector, aVm } from '../../../../tools/builders.ts'
import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { SITE_SAFETY } from '../../../terms/policy.ts'
import { DAY_MS, GiB, MINUTE_MS } from '../../../terms/units.ts'
import { SLOT_MS, slotOf } from '../../../terms/usage.ts'
import { type Answered, ApiBench, type Asked } from './builders.ts'
import { FakeAnswers } from './fakes/builders.ts'

const answers = new FakeAnswers()
const bench = new ApiBench({ answers })
const tokens = { viewer: '', operator: '', admin: '' }
const FORMULA = parseVmId('=cmd()|A1!<img/src=x/onerror=alert(1)>')
const [web, db] = [parseVmId('web-1'), parseVmId('db-1')]
const host = parseHostId('host-1')

before(async () => {
  await bench.start()
  for (const role of ['viewer', 'operator', 'admin'] as const) tokens[role] = await bench.token(role)
  const { store, now } = bench
  for (const vm of [web, db, FORMULA]) await store.identities.certify(vm, now, now + DAY_MS)
  const values = aVector().values.slice()
  const mask = aVector().mask.slice()
  values[0] = 0.5
  mask[0] = 1
  const vector = aVector({ vmId: web, values, mask, windowEnd: now - MINUTE_MS })
  await store.vectors.take([{ vm: web, at: now - MINUTE_MS, vectors: [vector], isClockOff: [false], counts: {} }])
  const { id, ...characteristics } = aHost({ id: host })
  await store.hosts.put({ hostId: id, corrections: JSON.stringify(characteristics), changedAt: now })
  const reported = { state: 'running', mean: { cpu: 1 }, max: {} } as const
  const report = {
    hostId: host,
    windowEnd: now,
    windowMs: MINUTE_MS,
    state: 'on',
    cpuRefCoresMean: 3,
    arrivedAt: now,
    vms: [
      { ...reported, vm: aVm({ id: web, memoryBytes: 2 * GiB }) },
      { ...reported, vm: aVm({ id: parseVmId('mute-1') }) },
    ],
  } as const
  await store.hosts.report([report])
})
after(() => bench.stop())

function get(path: string, rest: Partial<Asked> = {}): Promise<Answered> {
  return bench.ask({ path, token: tokens.viewer, ...rest })
}

test('VMs are listed with state, host and the age of their newest vector, whether they speak or a host tells of them', async () => {
  const { json } = await get('/v1/vms')
  const vms = json['vms'] as { vm: string }[]
  assert.deepEqual(
    vms.map(({ vm }) => vm),
    [FORMULA, 'db-1', 'mute-1', 'web-1'],
  )
  const [, silent, mute, good] = vms as readonly Record<string, unknown>[]
  assert.equal(silent['state'], 'silent')
  assert.equal('vectorAt' in silent || 'host' in silent, false)
  assert.equal(mute['state'], 'seen')
  assert.equal(good['state'], 'good')
  assert.equal(good['host'], 'host-1')
  assert.equal(good['vectorAgeMs'], MINUTE_MS)
})

test('lists are filtered, and read in pages', async () => {
  const first = await get('/v1/vms?limit=3')
  assert.equal(first.json['vms'].length, 3)
  const second = await get(`/v1/vms?limit=3&cursor=${first.json['next']}`)
  assert.deepEqual(
    [second.json['vms'].map((one: { vm: string }) => one.vm), second.json['next']],
    [['web-1'], undefined],
  )
  const named = async (query: string): Promise<string[]> =>
    (await get(`/v1/vms?${query}`)).json['vms'].map((one: { vm: string }) => one.vm)
  assert.deepEqual(await named('state=good'), ['web-1'])
  assert.deepEqual(await named('host=host-1'), ['mute-1', 'web-1'])
  assert.deepEqual(await named('name=db'), ['db-1'])
  assert.deepEqual(await named(`vectorAgeMsMin=${2 * MINUTE_MS}`), [FORMULA, 'db-1', 'mute-1'])
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'state=fine', 'other=1'])
    assert.equal((await get(`/v1/vms?${query}`)).status, 400, query)
})

test('a vector has the names and units of what is present, and nothing of what is not', async () => {
  const { json } = await get('/v1/vms/web-1/vectors')
  assert.deepEqual(json['vectors'][0]['values'], { cpuRefCoresMean: 0.5 })
  assert.deepEqual(json['dimensions'][0]['unit'], 'reference cores')
  assert.equal((await get('/v1/vms/web-1/vectors?from=5&to=5')).status, 400)
})

test('usage is down-sampled, and absent is null', async () => {
  const from = slotOf(bench.now - DAY_MS)
  const slot = (i: number, mean: number, max?: number) => ({
    vmId: db,
    slotAt: from + i * SLOT_MS,
    mean: { cpu: mean },
    max: max === undefined ? {} : { cpu: max },
  })
  await bench.store.usage.put([slot(0, 1, 4), slot(1, 3), slot(2, 2, 2.5)])
  const path = `/v1/vms/db-1/usage?from=${from}&to=${from + 6 * SLOT_MS}`
  const fine = (await get(`${path}&stepMs=${SLOT_MS}`)).json
  assert.deepEqual(fine['resources']['cpu']['mean'], [1, 3, 2, null, null, null])
  assert.deepEqual(fine['resources']['cpu']['max'], [4, null, 2.5, null, null, null])
  assert.deepEqual(Object.keys(fine['resources']), ['cpu'])
  // Of steps of three slots, the first has a mean of (1 + 3 + 2) / 3, and 4 is the highest; of the second nobody knows anything.
  const coarse = (await get(`${path}&stepMs=${3 * SLOT_MS}`)).json
  assert.deepEqual(coarse['resources']['cpu'], { unit: 'reference cores', mean: [2, null], max: [4, null] })
  assert.equal((await get(`/v1/vms/db-1/usage?from=0&to=${40 * DAY_MS}`)).status, 400)
})

test('a name that looks like a formula is text in a table, and inert in JSON', async () => {
  const at = slotOf(bench.now - SLOT_MS)
  await bench.store.usage.put([{ vmId: FORMULA, slotAt: at, mean: { cpu: 1 }, max: { cpu: -0 } }])
  const path = `/v1/vms/${encodeURIComponent(FORMULA)}/usage?from=${at}&to=${at + SLOT_MS}`
  const { text, headers } = await get(path, { headers: { accept: 'text/csv' } })
  const [names, row] = text.split('\r\n')
  assert.equal(names, 'vm,at,cpu mean (reference cores),cpu max (reference cores)')
  assert.equal(row, `"'${FORMULA}",${new Date(at).toISOString()},1,0`)
  assert.match(String(headers['content-type']), /^text\/csv/)
  assert.equal(headers['x-content-type-options'], 'nosniff')
  const json = await get(path)
  assert.match(String(json.headers['content-type']), /^application\/json/)
  assert.equal(json.headers['x-content-type-options'], 'nosniff')
  assert.equal(json.json['vm'], FORMULA)
})

test('what the judgement answers goes out as it is, to the space', async () => {
  for (const path of [
    '/v1/vms/web-1/hosts',
    '/v1/vms/web-1/hosts/host-1',
    '/v1/vms/web-1/why',
    '/v1/vms/web-1/forecast',
    '/v1/forecasts',
    '/v1/contention',
    '/v1/plans/latest',
    '/v1/alerts',
    '/v1/loads',
  ]) {
    const { status, text } = await get(path)
    assert.equal(status, 200, path)
    assert.equal(text, '{"asOf":1000,"degraded":[],"odd":  "spacing stays"}')
  }
  const body = { vms: [{ like: 'web-1', count: 2 }] }
  await get('/v1/placements', { method: 'POST', body })
  assert.deepEqual(answers.asked.at(-1), [body])
  // A long answer comes as bytes, which are sent as they are.
  const long = JSON.stringify({ odd: '\u00e4'.repeat(20_000) })
  answers.answer = { kind: 'json', text: new TextEncoder().encode(long) }
  const bytes = await get('/v1/vms/web-1/hosts')
  assert.deepEqual([bytes.status, bytes.text === long], [200, true])
  assert.equal(bytes.headers['content-length'], String(Buffer.byteLength(long)))
  assert.equal(bytes.headers['content-type'], 'application/json; charset=utf-8')
  answers.answer = { kind: 'unavailable', reason: 'The ranker starts.' }
  const { status, headers, json } = await get('/v1/vms/web-1/hosts')
  assert.deepEqual([status, headers['retry-after'], json['error']['code']], [503, '5', 'unavailable'])
  answers.answer = { kind: 'json', text: '{}' }
})

test('a host is known by what was said of it; who changes it, and how, is on record', async () => {
  const one = (await get('/v1/hosts/host-1')).json
  assert.deepEqual([one['isComplete'], one['cores'], one['cpuRefCoresMean'], one['vms'].length], [true, 16, 3, 2])
  assert.equal('platform' in one, false)
  const platform = { host: 'host-1', isReached: true, version: '9.0.0', networks: ['default'], untold: [] }
  answers.told.set('host-1', platform)
  assert.deepEqual((await get('/v1/hosts/host-1')).json['platform'], platform)
  const path = '/v1/hosts/host-2/corrections'
  const put = (body: object) => bench.ask({ method: 'PUT', path, token: tokens.operator, body })
  const first = (await put({ cores: 8 })).json
  assert.equal(first['isComplete'], false)
  assert.match(first['lacking'], /model|power/)
  const { id: _, ...whole } = aHost()
  assert.equal((await put(whole)).json['isComplete'], true)
  const falling = await put({ ...whole, powerWatts: whole.powerWatts.toReversed() })
  assert.equal(falling.status, 400)
  assert.match(falling.json['error']['message'], /may not fall/)
  const listed = (await get('/v1/hosts?isComplete=true')).json['hosts'].map((seen: { host: string }) => seen.host)
  assert.deepEqual(listed, ['host-1', 'host-2'])
  assert.equal((await bench.ask({ method: 'DELETE', path: '/v1/hosts/host-2', token: tokens.admin })).status, 204)
  assert.equal((await get('/v1/hosts/host-2')).status, 404)
  const audit = await bench.store.audit.last(10)
  assert.ok(
    audit.some(
      ({ what, about, from }) => what === 'host removed' && about === 'host-2' && from.startsWith('token admin'),
    ),
  )
})

test('two who change one host at the same time both change it', async (context) => {
  const file = new URL('../../../drivers/host-bench/recorded/host-measurement.txt', import.meta.url)
  const measurement = JSON.parse(readFileSync(file, 'utf8')) as { hostId: string }
  const id = parseHostId(measurement.hostId)
  const put = (what: string, body: object) =>
    bench.ask({ method: 'PUT', path: `/v1/hosts/${id}/${what}`, token: tokens.operator, body })
  // A store on another machine takes its time.
  const { hosts } = bench.store
  const find = hosts.find.bind(hosts)
  const slow = context.mock.method(hosts, 'find', async (asked: typeof id) => {
    const row = await find(asked)
    await sleep(100)
    return row
  })
  const changed = await Promise.all([put('measurement', measurement), put('corrections', { cores: 8 })])
  assert.deepEqual(
    changed.map(({ status }) => status),
    [200, 200],
  )
  const row = await hosts.find(id)
  assert.deepEqual([row?.measurement !== undefined, row?.corrections], [true, '{"cores":8}'])
  // Each adds to what stands when it is written, not to what it read before.
  const added = await Promise.all([
    put('corrections?isPartial=true', { memoryBytes: 4 * GiB }),
    put('corrections?isPartial=true', { refCoresPerCore: 2 }),
  ])
  slow.mock.restore()
  assert.deepEqual(
    added.map(({ status }) => status),
    [200, 200],
  )
  const said = JSON.parse((await hosts.find(id))?.corrections ?? '{}') as object
  assert.deepEqual(said, { cores: 8, memoryBytes: 4 * GiB, refCoresPerCore: 2 })
  await hosts.remove(id)
})

function putPolicy(replaces: number, policy: object): Promise<Answered> {
  return bench.ask({ method: 'PUT', path: '/v1/policy', token: tokens.operator, body: { replaces, policy } })
}

test('a policy replaces the version that its author saw, or nothing', async () => {
  const { json, headers } = await get('/v1/policy')
  assert.deepEqual([json['version'], json['policy']['name']], [0, 'production'])
  const again = await get('/v1/policy', { headers: { 'if-none-match': String(headers['etag']) } })
  assert.deepEqual([again.status, again.text], [304, ''])
  const good = await putPolicy(0, { name: 'night', gates: { movesPerVmDayMax: 1 } })
  assert.deepEqual([good.status, good.json['version'], good.json['policy']['gates']['movesPerVmDayMax']], [200, 1, 1])
  const late = await putPolicy(0, { name: 'day' })
  assert.deepEqual(
    [late.status, late.json['current']['version'], late.json['current']['policy']['name']],
    [409, 1, 'night'],
  )
  const odd = await putPolicy(1, { gates: { confidenceMin: 30 } })
  assert.equal(odd.status, 400)
  assert.match(odd.json['error']['message'], /policy\.gates\.confidenceMin: 30 is not usable/)
  const history = (await get('/v1/policy/history')).json['versions']
  assert.deepEqual(
    history.map((past: { version: number }) => past.version),
    [1],
  )
})

test('limits of safety can be set, in part; what is left out of them is the site’s', async () => {
  const { json } = await get('/v1/policy')
  const { status, json: set } = await putPolicy(json['version'] as number, { safety: { movesShareHourMax: 1 } })
  assert.deepEqual([status, set['policy']['safety']], [200, { ...SITE_SAFETY, movesShareHourMax: 1 }])
  // What was read can be set as it is.
  const again = await putPolicy(set['version'] as number, set['policy'] as object)
  assert.deepEqual([again.status, again.json['policy']], [200, set['policy']])
  const lifted = await putPolicy(again.json['version'] as number, { safety: null })
  assert.deepEqual([lifted.status, lifted.json['policy']['safety']], [200, undefined])
})

function putAutomation(token: string, body: object): Promise<Answered> {
  return bench.ask({ method: 'PUT', path: '/v1/automation', token, body })
}

test('operators may pause and lower automation, and only an admin lets it go on', async () => {
  assert.deepEqual(
    (await putAutomation(tokens.operator, { isPaused: true, reason: 'fire drill' })).json['isPaused'],
    true,
  )
  assert.equal((await putAutomation(tokens.operator, { isPaused: false })).status, 403)
  assert.equal((await putAutomation(tokens.operator, { level: 'off' })).status, 200)
  assert.equal((await putAutomation(tokens.operator, { level: 'advisory' })).status, 403)
  assert.equal((await putAutomation(tokens.admin, { level: 'shadow', isPaused: false, replaces: 1 })).status, 409)
  assert.equal((await putAutomation(tokens.admin, { level: 'shadow', isPaused: false, replaces: 2 })).status, 200)
  const records = (await bench.store.audit.last(5)).map(({ what, reason }) => `${what}: ${reason}`)
  assert.ok(records.includes('automation raised: from off, paused to shadow'))
  assert.ok(
    records.some((record) =>
      record.startsWith('request refused: automation from off, paused to advisory, paused needs admin'),
    ),
  )
})

test('automation that can not be understood allows nothing, says so, and an admin sets it anew', async () => {
  const { settings } = bench.store
  await settings.set('automation', '{"level":"of a later version"}', { who: 'later', at: bench.now })
  const { json } = await bench.ask({ path: '/v1/automation', token: tokens.viewer })
  assert.deepEqual([json['level'], json['isPaused']], ['off', true])
  assert.match(String(json['problem']), /of a later version/)
  assert.equal((await get('/v1/status', {})).status, 200)
  const wanted = { level: 'shadow', isPaused: false }
  assert.equal((await putAutomation(tokens.operator, wanted)).status, 403)
  const set = await putAutomation(tokens.admin, wanted)
  assert.deepEqual([set.status, set.json['level'], 'problem' in set.json], [200, 'shadow', false])
})

test('the audit is read to its begin, page by page', async () => {
  const all = await bench.store.audit.last(100_000)
  assert.ok(all.length > 5)
  const numbers: number[] = []
  let path: string | undefined = '/v1/audit?limit=2'
  while (path !== undefined) {
    const { json }: Answered = await bench.ask({ path, token: tokens.operator })
    numbers.unshift(...(json['records'] as { number: number }[]).map(({ number }) => number))
    path = json['next'] === undefined ? undefined : `/v1/audit?limit=2&before=${json['next']}`
  }
  assert.deepEqual(
    numbers,
    all.map(({ number }) => number),
  )
})

test('what is refused is told with its place, its value and what may stand there', async () => {
  const body = { level: 'autonomous' }
  const { json } = await bench.ask({ method: 'PUT', path: '/v1/automation', token: tokens.admin, body })
  assert.match(
    json['error']['message'],
    /^body\.level .*\(off, shadow, advisory, partial, full\), and is "autonomous"\.$/,
  )
})

test('tokens are made, told once, listed without secrets, and revoked at once', async () => {
  const body = { name: 'prometheus', role: 'viewer', expiresAt: bench.now + DAY_MS }
  const made = await bench.ask({ method: 'POST', path: '/v1/tokens', token: tokens.admin, body })
  assert.equal(made.status, 201)
  const text = String(made.json['token'])
  assert.equal((await get('/v1/status', { token: text })).json['you']['role'], 'viewer')
  const list = await bench.ask({ path: '/v1/tokens', token: tokens.admin })
  assert.ok(!list.text.includes(text.slice(-43)) && !list.text.includes('igest'))
  const path = `/v1/tokens/${made.json['id']}`
  assert.equal((await bench.ask({ method: 'DELETE', path, token: tokens.admin })).status, 204)
  assert.equal((await get('/v1/status', { token: text })).status, 401)
  assert.equal((await bench.ask({ method: 'DELETE', path, token: tokens.admin })).status, 404)
  const names = ['', 'x'.repeat(65), 'a\nb', '\u202Egnp']
  for (const name of names)
    assert.equal(
      (await bench.ask({ method: 'POST', path: '/v1/tokens', token: tokens.admin, body: { name, role: 'viewer' } }))
        .status,
      400,
    )
})

test('a VM or a host is let in by a token of its own, and shut out by its name', async () => {
  const post = (path: string, body?: object) =>
    bench.ask({ method: 'POST', path, token: tokens.operator, ...(body === undefined ? {} : { body }) })
  const made = await post('/v1/enrolments', { host: 'host-9', minutes: 5 })
  assert.match(made.json['token'], /^ethos1\.[0-9a-f]{16}\.[\w-]{43}\.[\w-]{43}$/)
  assert.deepEqual([made.json['host'], made.json['expiresAt']], ['host-9', bench.now + 5 * MINUTE_MS])
  assert.equal((await post('/v1/enrolments', {})).status, 400)
  assert.equal((await post('/v1/enrolments', { vm: 'a', host: 'b' })).status, 400)
  assert.equal((await post('/v1/agents/db-1/ban')).status, 204)
  assert.equal((await get('/v1/vms/db-1')).json['state'], 'banned')
  assert.equal((await post('/v1/enrolments', { vm: 'db-1' })).status, 409)
  assert.equal((await post('/v1/agents/db-1/release')).status, 204)
  assert.equal((await post('/v1/agents/none/release')).status, 404)
  const agents = (await bench.ask({ path: '/v1/agents', token: tokens.operator })).json['agents']
  assert.equal(agents.find((agent: { vm: string }) => agent.vm === 'db-1').state, 'good')
})

test('the store is checked and copied, to a name and never to a path', async () => {
  const post = (path: string, body?: object) =>
    bench.ask({ method: 'POST', path, token: tokens.admin, ...(body === undefined ? {} : { body }) })
  assert.equal((await post('/v1/store/check')).json['journal']['kind'], 'whole')
  for (const name of ['../x', '/tmp/x', '.x', 'a/b', 'a\u0000', ''])
    assert.equal((await post('/v1/store/backups', { name })).status, 400)
  const made = await post('/v1/store/backups', { name: 'before-upgrade' })
  assert.equal(made.status, 201, made.text)
  assert.equal((await post('/v1/store/backups', { name: 'before-upgrade' })).status, 409)
  const { json } = await bench.ask({ path: '/v1/store', token: tokens.admin })
  assert.equal(json['backups'][0]['name'], 'before-upgrade')
  assert.ok(json['sizeBytes'] > 0 && json['schemaVersion'] > 0)
})
