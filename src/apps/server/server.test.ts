import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { parsePersonality } from '../../terms/personality-codec.ts'
import { parseVmId } from '../../terms/ids.ts'
import { StoreError } from '../../world/errors.ts'
import { aLine, Bench, findVm, linesOf } from './builders.ts'

const bench = new Bench()
before(() => bench.start())
after(() => Bench.removeAll())

const { stringify } = JSON

test('a VM joins, reports, and each vector is kept once, in order, and acknowledged', async () => {
  const member = await bench.member()
  const all = Array.from({ length: 20 }, (_, i) => aLine(member.vm, i))
  const first = await bench.send(member, all.slice(0, 12))
  assert.deepEqual(first.json, { acks: [['run-1', 11]], accepted: 12, duplicates: 0, refused: [], phases: 1 })
  const second = await bench.send(member, all.slice(5))
  assert.deepEqual(second.json, { acks: [['run-1', 19]], accepted: 8, duplicates: 7, refused: [], phases: 1 })
  assert.deepEqual(await linesOf(bench.server.store, member.vm), all)
})

test('a line that can never be taken is refused with its reason, counted, and holds nobody up', async () => {
  const member = await bench.member()
  const { json } = await bench.send(member, [
    aLine(member.vm, 0),
    'rubbish',
    aLine('somebody-else', 1),
    aLine(member.vm, 1),
  ])
  assert.deepEqual([json['acks'], json['accepted']], [[['run-1', 1]], 2])
  assert.match(
    stringify(json['refused']),
    /"line":1,"reason":"vector: .*valid JSON.*"line":2,"reason":"the vector is of somebody-else/,
  )
  assert.deepEqual((await findVm(bench.server.store, member.vm))?.counts, {
    accepted: 2,
    'refused: not one JSON object': 1,
    'refused: other VM': 1,
  })
  const [record] = await bench.server.store.audit.last(1)
  assert.deepEqual([record.what, record.about], ['vectors refused', member.vm])
})

test('more than 100 lines are no batch, and more than 64 KiB no body', async () => {
  const member = await bench.member()
  const lines = Array.from({ length: 101 }, (_, i) => aLine(member.vm, i))
  assert.equal((await bench.send(member, lines)).status, 413)
  assert.equal((await bench.send(member, ['x'.repeat(65_536)])).status, 413)
  assert.deepEqual(await linesOf(bench.server.store, member.vm), [])
})

test('two copies of one identity that both live are quarantined, and what came since the second is kept apart', async () => {
  const member = await bench.member()
  const latest = async () => {
    const all = await bench.server.store.vectors.latest()
    return all.find(({ vector }) => vector.vmId === member.vm)?.vector
  }
  await bench.send(member, [aLine(member.vm, 7, { sender: 'first' })])
  await bench.send(member, [aLine(member.vm, 0, { sender: 'copy' })])
  assert.deepEqual(await latest(), parsePersonality(aLine(member.vm, 0, { sender: 'copy' })))
  const found = await bench.send(member, [aLine(member.vm, 8, { sender: 'first' })])
  assert.deepEqual([found.status, found.json], [403, { error: 'quarantined' }])
  assert.equal((await bench.send(member, [aLine(member.vm, 1, { sender: 'copy' })])).status, 403)
  assert.equal(await latest(), undefined)
  await bench.server.store.identities.release(parseVmId(member.vm))
  // What the copy told stays apart; the original goes on, and is the real one.
  assert.deepEqual(await latest(), parsePersonality(aLine(member.vm, 7, { sender: 'first' })))
  assert.equal((await bench.send(member, [aLine(member.vm, 8, { sender: 'first' })])).status, 200)
  assert.equal((await bench.send(member, [aLine(member.vm, 9, { sender: 'first' })])).status, 200)
  assert.equal((await bench.send(member, [aLine(member.vm, 1, { sender: 'copy' })])).status, 403)
  assert.match(bench.said.join(''), /error: quarantined: an operator is needed/)
})

test('the same number with other bytes is a copy too', async () => {
  const member = await bench.member()
  await bench.send(member, [aLine(member.vm, 0), aLine(member.vm, 1)])
  assert.equal((await bench.send(member, [aLine(member.vm, 0, { cpu: 0.7 })])).status, 403)
})

test('too many requests are told to come later and when, spread, and nothing of theirs is kept', async () => {
  const member = await bench.member()
  const answers = []
  for (let i = 0; i < 14; i++) answers.push(await bench.send(member, [aLine(member.vm, i)]))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [...Array.from({ length: 10 }, () => 200), 429, 429, 429, 429],
  )
  const waits = answers.slice(10).map(({ headers }) => Number(headers['retry-after']))
  // One request comes back in 10 s; up to 30 s are drawn on top.
  assert.ok(waits.every((sec) => sec >= 10 && sec < 40))
  assert.equal((await linesOf(bench.server.store, member.vm)).length, 10)
  await bench.server.tend()
  assert.equal((await findVm(bench.server.store, member.vm))?.counts['too many requests'], 4)
})

test('vectors are bounded beside requests: two days of an outage, and then one in ten seconds', async () => {
  const member = await bench.member()
  for (let batch = 0; batch < 6; batch++) {
    const lines = Array.from({ length: 100 }, (_, i) => aLine(member.vm, batch * 100 + i))
    assert.equal((await bench.send(member, lines)).status, 200)
  }
  assert.equal((await bench.send(member, [aLine(member.vm, 600)])).status, 429)
  bench.now += 10_000
  assert.equal((await bench.send(member, [aLine(member.vm, 600)])).status, 200)
})

test('a clock that is off is seen, and vectors that waited are no sign of one', async () => {
  const member = await bench.member()
  const isOff = async () => (await findVm(bench.server.store, member.vm))?.isClockOff
  await bench.send(member, [aLine(member.vm, 0, { windowEnd: bench.now - DAY_MS })])
  assert.equal(await isOff(), false)
  await bench.send(member, [aLine(member.vm, 1, { windowEnd: bench.now + 301_000 })])
  assert.equal(await isOff(), true)
  const line = aLine(member.vm, 2, { windowEnd: bench.now - DAY_MS })
  await bench.send(member, [line], { 'ethos-clock': String(bench.now - 299_000) })
  assert.equal(await isOff(), false)
  const late = aLine(member.vm, 3, { windowEnd: bench.now - DAY_MS })
  await bench.send(member, [late], { 'ethos-clock': String(bench.now - 301_000) })
  assert.equal(await isOff(), true)
})

test('of a bad vector nothing is kept, and the good one before stays the newest and ages', async () => {
  const member = await bench.member()
  const good = aLine(member.vm, 0)
  await bench.send(member, [good])
  const arrivedAt = bench.now
  bench.now += HOUR_MS
  await bench.send(member, [good.replace('"seq":0', '"seq":-1'), good.replace('"coverage":1', '"coverage":2')])
  const newest = (await bench.server.store.vectors.latest()).find(({ vector }) => vector.vmId === member.vm)
  assert.deepEqual(newest, { vector: parsePersonality(good), arrivedAt, isClockOff: false })
  assert.equal((await findVm(bench.server.store, member.vm))?.counts['refused: bad seq'], 1)
})

test('a banned VM is shut out at once, everywhere, and its tokens with it', async () => {
  const member = await bench.member()
  const token = await bench.token(member.vm)
  await bench.server.store.identities.ban(parseVmId(member.vm), bench.now)
  const answers = [await bench.send(member, [aLine(member.vm, 0)]), (await bench.renew(member)).answer]
  for (const { status, json } of answers) assert.deepEqual([status, json], [403, { error: 'banned' }])
  assert.equal((await bench.join(member.vm, token)).answer.status, 401)
  await bench.server.store.identities.release(parseVmId(member.vm))
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
})

test('who is in quarantine keeps its certificate alive, or a release would come too late', async () => {
  const member = await bench.member()
  await bench.send(member, [aLine(member.vm, 0)])
  assert.equal((await bench.send(member, [aLine(member.vm, 0, { cpu: 0.7 })])).status, 403)
  const { answer, identity } = await bench.renew(member)
  assert.equal(answer.status, 200)
  await bench.server.store.identities.release(parseVmId(member.vm))
  assert.equal((await bench.send(identity, [aLine(member.vm, 1)])).status, 200)
})

test('the phase model is delivered with its version', async () => {
  const member = await bench.member()
  const { status, json } = await bench.ask({ method: 'GET', path: '/v1/phases', tls: member })
  assert.deepEqual([status, json['version']], [200, 1])
})

test('vectors are kept whole for two days, and one an hour for thirty', async () => {
  let member = await bench.member()
  const { store } = bench.server
  const startsAt = bench.now
  for (let hour = 0; hour < 60; hour++) {
    const lines = [0, 1, 2].map((i) => aLine(member.vm, hour * 3 + i, { windowEnd: bench.now + i * MINUTE_MS }))
    assert.equal((await bench.send(member, lines)).status, 200)
    bench.now += HOUR_MS
    if (hour % 16 === 15) member = (await bench.renew(member)).identity
  }
  await bench.server.tend()
  const ages = (await store.vectors.history(parseVmId(member.vm), { from: 0, to: bench.now, most: 1000 })).map(
    ({ arrivedAt }) => bench.now - arrivedAt,
  )
  const young = ages.filter((ms) => ms <= 48 * HOUR_MS)
  assert.equal(young.length, 48 * 3)
  // Of the other twelve hours one each, give or take the one in which the two days begin.
  assert.ok(Math.abs(ages.length - young.length - 12) <= 1, `${ages.length}`)
  bench.now = startsAt + 20 * DAY_MS
  await bench.server.tend()
  // What it was like last is known still, and how long ago that was.
  const last = (await store.vectors.latest()).find(({ vector }) => vector.vmId === member.vm)
  assert.equal(last?.arrivedAt, startsAt + 59 * HOUR_MS)
  bench.now = startsAt + 40 * DAY_MS
  await bench.server.tend()
  assert.equal((await linesOf(store, member.vm)).length, 0)
})

test('while memory is short, everybody is told to come later', async () => {
  const other = new Bench()
  await other.start({ limits: { memoryBytesSoft: 1 } })
  const { status, headers } = await other.ask({
    method: 'GET',
    path: '/v1/ca',
    tls: { ca: other.server.authority.pem },
  })
  assert.ok(status === 429 && Number(headers['retry-after']) >= 30)
  await other.remove()
})

test('what can not be kept is not acknowledged: the agent is told to come later, and the server says that it is degraded until it can', async () => {
  const other = new Bench()
  const { store } = await other.start()
  const trouble = () => other.server.trouble()
  const member = await other.member()
  const { vectors } = store
  const kept = { ...vectors }
  Object.assign(vectors, { take: () => Promise.reject(new Error('our own mistake')) })
  const mistaken = await other.send(member, [aLine(member.vm, 0)])
  assert.deepEqual([mistaken.status, mistaken.json, trouble()], [500, { error: 'internal' }, []])
  Object.assign(vectors, { take: () => Promise.reject(new StoreError('full', 'The disk is full.')) })
  const full = await other.send(member, [aLine(member.vm, 0)])
  assert.deepEqual([full.status, full.json], [503, { error: 'not kept' }])
  assert.ok(Number(full.headers['retry-after']) >= 30)
  assert.deepEqual(trouble(), ['Nothing can be kept: The disk is full.'])
  assert.equal((await other.ask({ method: 'GET', path: '/v1/ca', tls: { ca: member.ca } })).status, 200)
  assert.deepEqual(await linesOf(store, member.vm), [])
  Object.assign(vectors, kept)
  assert.equal((await other.send(member, [aLine(member.vm, 0)])).status, 200)
  assert.deepEqual(trouble(), [])
  await other.remove()
})

test('a clock that goes back is said until it is where it was; timers and arrivals go on', async () => {
  const other = new Bench()
  await other.start()
  const trouble = () => other.server.trouble()
  const member = await other.member()
  other.now += HOUR_MS
  await other.server.tend()
  other.now -= HOUR_MS
  await other.server.tend()
  assert.match(trouble().join(), /The clock of this machine went back, and is 3600 s behind/)
  assert.equal((await other.send(member, [aLine(member.vm, 0)])).status, 200)
  other.now += HOUR_MS + 1
  await other.server.tend()
  assert.deepEqual(trouble(), [])
  other.now -= 900
  await other.server.tend()
  assert.deepEqual(trouble(), [])
  await other.remove()
})

test('keys are readable by their owner alone, and neither a token nor a key stands in the store or in the log', async () => {
  const token = await bench.token('vm-secret')
  const { key } = await bench.join('vm-secret', token)
  await bench.join('vm-secret', token)
  assert.equal(statSync(join(bench.data, 'ca-1.json')).mode & 0o777, 0o600)
  assert.equal(statSync(bench.data).mode & 0o777, 0o700)
  const kept = ['ethos.sqlite', 'ethos.sqlite-wal'].map((name) => readFileSync(join(bench.data, name), 'latin1'))
  const [, id, secret] = token.split('.')
  const all = [...kept, ...bench.said].join('')
  assert.ok(all.includes(id) && !all.includes(secret))
  assert.ok(!all.includes('PRIVATE KEY') && !all.includes(key.split('\n')[1]))
})

test('a clock that moves within a minute moves nobody out', async () => {
  const member = await bench.member()
  bench.now -= MINUTE_MS / 2
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
})
