/** Checks and previews of policies over the API, on a store in a folder that the preview's own process reads. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Check } from 'typebox/value'
import { ImaginedSite } from '../../../../tools/server/imagined-site.ts'
import { HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS } from '../../../terms/usage.ts'
import { PolicyPreviewView } from '../views/preview.ts'
import { type Answered, ApiBench } from './builders.ts'

const bench = new ApiBench()
const tokens = { viewer: '', operator: '', admin: '' }
const site = new ImaginedSite({ hosts: 3, vms: 18, seed: 1, cores: 16 })

before(async () => {
  await bench.start()
  for (const role of ['viewer', 'operator', 'admin'] as const) tokens[role] = await bench.token(role)
})
after(() => bench.stop())

function post(path: string, body: object, token = tokens.operator): Promise<Answered> {
  return bench.ask({ method: 'POST', path, token, body })
}

async function whole(id: string, token = tokens.operator): Promise<PolicyPreviewView> {
  for (;;) {
    const { json } = await bench.ask({ path: `/v1/policy/previews/${id}`, token })
    assert.ok(Check(PolicyPreviewView, json))
    if (json.state !== 'running') return json
    // The bench's clock stands still: who asks often has asked too often.
    await sleep(500)
  }
}

test('without a host that reports there is nothing to replay, and that is said', async () => {
  const { status, json } = await post('/v1/policy/preview', { policy: { name: 'calm' } })
  assert.equal(status, 200)
  const { state, failure } = await whole(json['id'])
  assert.equal(state, 'failed')
  assert.match(failure ?? '', /there is nothing to replay/)
})

test('a policy that can not be understood is told by place and value, without anything being set', async () => {
  const policy = { contention: { highFraction: 7 } }
  const { json } = await post('/v1/policy/check', { policy }, tokens.viewer)
  assert.equal(json['isGood'], false)
  const [{ place, text }] = json['problems'] as { place: string; text: string }[]
  assert.equal(place, 'policy')
  assert.match(text, /highFraction.*7/)
  const moveTimes = { timeZone: 'Europe/Nowhere', windows: [], blackouts: [] }
  const both = await post('/v1/policy/check', { policy, moveTimes }, tokens.viewer)
  assert.deepEqual(
    (both.json['problems'] as { place: string }[]).map((one) => one.place),
    ['policy', 'moveTimes'],
  )
  assert.equal((await post('/v1/policy/preview', { policy })).status, 400)
  assert.equal((await post('/v1/policy/preview', { spanMs: 1 })).status, 400)
  assert.equal((await post('/v1/policy/preview', { policyy: {} })).status, 400)
  assert.equal((await bench.ask({ path: '/v1/policy', token: tokens.viewer })).json['version'], 0)
})

test('rules that can not all be kept are told at once, and whether they are new', async () => {
  bench.now = Math.max(bench.now, 1_800_000_000_000)
  await site.register(bench.store, bench.now)
  await site.tellPast(bench.store, { from: bench.now - 10 * HOUR_MS, to: bench.now })
  await site.tellReports(bench.store, bench.now, SLOT_MS)
  assert.equal((await post('/v1/policy/check', { policy: {} })).json['isGood'], true)
  const host = site.hosts[0].id
  const pinned = site.vms[site.hostOf.indexOf(0)].id
  const wish = { who: 'ann', at: 0, reason: 'x' }
  const by = { who: 'ann', at: bench.now }
  await bench.store.settings.set('opt-outs', JSON.stringify({ [pinned]: wish }), by)
  await bench.store.settings.set('maintenance', JSON.stringify({ [host]: { ...wish, isForced: true } }), by)
  const { json } = await post('/v1/policy/check', { policy: {} })
  const [{ text, isNew }] = json['conflicts'] as { text: string; isNew: boolean }[]
  assert.match(text, new RegExp(`${host} is to be emptied, and ${pinned}`))
  assert.deepEqual([json['isGood'], isNew], [false, false])
  await bench.store.settings.set('maintenance', '{}', by)
  await bench.store.settings.set('opt-outs', '{}', by)
})

test('what an opt-out would contradict is told before it is set, and what is no name or too many is refused', async () => {
  const host = site.hosts[0].id
  const vm = site.vms[site.hostOf.indexOf(0)].id
  const by = { who: 'ann', at: bench.now }
  const wish = { who: 'ann', at: 0, reason: 'x' }
  await bench.store.settings.set('maintenance', JSON.stringify({ [host]: wish }), by)
  const { json } = await post('/v1/policy/check', { optOuts: { add: [vm] } })
  const [{ text, isNew }] = json['conflicts'] as { text: string; isNew: boolean }[]
  assert.match(text, new RegExp(`${host} is to be emptied, and ${vm}`))
  assert.deepEqual([json['isGood'], isNew], [false, true])
  await bench.store.settings.set('opt-outs', JSON.stringify({ [vm]: wish }), by)
  assert.equal((await post('/v1/policy/check', { optOuts: { remove: [vm] } })).json['isGood'], true)
  await bench.store.settings.set('maintenance', '{}', by)
  await bench.store.settings.set('opt-outs', '{}', by)
  const bad = await post('/v1/policy/check', { optOuts: { add: ['a b'] } })
  assert.deepEqual((bad.json['problems'] as { place: string }[])[0].place, 'optOuts')
  assert.equal((await post('/v1/policy/preview', { optOuts: { add: ['a b'] } })).status, 400)
  assert.equal((await post('/v1/policy/check', { optOuts: { add: Array(101).fill('a') } })).status, 400)
  assert.equal((await post('/v1/policy/check', { optOuts: { also: ['a'] } })).status, 400)
})

test('a preview of an opt-out runs in its process like any other, beside those that stand', async () => {
  const [first, second] = site.vms.map(({ id }) => id)
  const by = { who: 'ann', at: bench.now }
  await bench.store.settings.set('opt-outs', JSON.stringify({ [first]: { who: 'ann', at: 0, reason: 'x' } }), by)
  const body = { automation: { level: 'full' }, optOuts: { add: [second] }, spanMs: 4 * HOUR_MS }
  const { state, result } = await whole((await post('/v1/policy/preview', body)).json['id'])
  assert.equal(state, 'done')
  assert.ok(result?.moves.every(({ vm, under }) => vm !== first && (vm !== second || under === 'current')))
  assert.equal((await bench.ask({ path: '/v1/opt-outs', token: tokens.viewer })).json['vms'].length, 1)
  await bench.store.settings.set('opt-outs', '{}', by)
})

test('a preview is done in a process of its own, is its caller’s alone, and a new one ends the one before', async () => {
  const body = {
    policy: { name: 'calm', consolidation: { isEnabled: false } },
    automation: { level: 'full' },
    spanMs: 4 * HOUR_MS,
  }
  const first = await post('/v1/policy/preview', body)
  const { state, result, check, failure } = await whole(first.json['id'])
  assert.deepEqual([state, failure, check.isGood], ['done', undefined, true])
  assert.deepEqual([result?.proposed.policy, result?.proposed.level, result?.current.level], ['calm', 'full', 'shadow'])
  assert.equal(result?.turns, 48)
  const path = `/v1/policy/previews/${first.json['id']}`
  assert.equal((await bench.ask({ path, token: tokens.admin })).status, 404)
  const [one, other] = await Promise.all([post('/v1/policy/preview', body), post('/v1/policy/preview', body)])
  const states = [await whole(one.json['id']), await whole(other.json['id'])].map((ended) => ended.state).sort()
  assert.deepEqual(states, ['done', 'failed'])
  assert.equal((await bench.ask({ path: '/v1/policy', token: tokens.viewer })).json['version'], 0)
})
