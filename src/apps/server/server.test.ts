import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { aLine, Bench } from './builders.ts'

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
  assert.deepEqual(bench.server.store.lines(member.vm), all)
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
  assert.deepEqual(bench.server.store.counts(member.vm).get(member.vm), {
    accepted: 2,
    'refused: not one JSON object': 1,
    'refused: other VM': 1,
  })
  const [record] = bench.server.store.audit.list(1)
  assert.deepEqual([record.what, record.vm], ['vectors refused', member.vm])
})

test('more than 100 lines are no batch, and more than 64 KiB no body', async () => {
  const member = await bench.member()
  const lines = Array.from({ length: 101 }, (_, i) => aLine(member.vm, i))
  assert.equal((await bench.send(member, lines)).status, 413)
  assert.equal((await bench.send(member, ['x'.repeat(65_536)])).status, 413)
  assert.deepEqual(bench.server.store.lines(member.vm), [])
})

test('two copies of one identity that both live are quarantined, and what came since the second is kept apart', async () => {
  const member = await bench.member()
  const latest = () => bench.server.store.vectors.latest().find(({ vm }) => vm === member.vm)?.line
  await bench.send(member, [aLine(member.vm, 7, { sender: 'first' })])
  await bench.send(member, [aLine(member.vm, 0, { sender: 'copy' })])
  assert.equal(latest(), aLine(member.vm, 0, { sender: 'copy' }))
  const found = await bench.send(member, [aLine(member.vm, 8, { sender: 'first' })])
  assert.deepEqual([found.status, found.json], [403, { error: 'quarantined' }])
  assert.equal((await bench.send(member, [aLine(member.vm, 1, { sender: 'copy' })])).status, 403)
  assert.equal(latest(), undefined)
  bench.server.store.release(member.vm)
  // What the copy told stays apart; the original goes on, and is the real one.
  assert.equal(latest(), aLine(member.vm, 7, { sender: 'first' }))
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
  assert.equal(bench.server.store.lines(member.vm).length, 10)
  await bench.server.tend()
  assert.equal(bench.server.store.counts(member.vm).get(member.vm)?.['too many requests'], 4)
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
  const isOff = () => bench.server.store.agent(member.vm)?.isSkewed === 1
  await bench.send(member, [aLine(member.vm, 0, { windowEnd: bench.now - DAY_MS })])
  assert.equal(isOff(), false)
  await bench.send(member, [aLine(member.vm, 1, { windowEnd: bench.now + 301_000 })])
  assert.equal(isOff(), true)
  const line = aLine(member.vm, 2, { windowEnd: bench.now - DAY_MS })
  await bench.send(member, [line], { 'ethos-clock': String(bench.now - 299_000) })
  assert.equal(isOff(), false)
  const late = aLine(member.vm, 3, { windowEnd: bench.now - DAY_MS })
  await bench.send(member, [late], { 'ethos-clock': String(bench.now - 301_000) })
  assert.equal(isOff(), true)
})

test('of a bad vector nothing is kept, and the good one before stays the newest and ages', async () => {
  const member = await bench.member()
  const good = aLine(member.vm, 0)
  await bench.send(member, [good])
  const arrivedAt = bench.now
  bench.now += HOUR_MS
  await bench.send(member, [good.replace('"seq":0', '"seq":-1'), good.replace('"coverage":1', '"coverage":2')])
  const newest = bench.server.store.vectors.latest().find(({ vm }) => vm === member.vm)
  assert.deepEqual(newest, { vm: member.vm, arrivedAt, windowEnd: 300_000, isSkewed: false, line: good })
})

test('a banned VM is shut out at once, everywhere, and its tokens with it', async () => {
  const member = await bench.member()
  const token = bench.token(member.vm)
  bench.server.store.ban(member.vm)
  const answers = [await bench.send(member, [aLine(member.vm, 0)]), (await bench.renew(member)).answer]
  for (const { status, json } of answers) assert.deepEqual([status, json], [403, { error: 'banned' }])
  assert.equal((await bench.join(member.vm, token)).answer.status, 401)
  bench.server.store.release(member.vm)
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
})

test('who is in quarantine keeps its certificate alive, or a release would come too late', async () => {
  const member = await bench.member()
  bench.server.store.quarantine(member.vm, 'a test', bench.now)
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 403)
  const { answer, identity } = await bench.renew(member)
  assert.equal(answer.status, 200)
  bench.server.store.release(member.vm)
  assert.equal((await bench.send(identity, [aLine(member.vm, 0)])).status, 200)
})

test('the phase model is delivered with its version', async () => {
  const member = await bench.member()
  const { status, json } = await bench.ask({ method: 'GET', path: '/v1/phases', tls: member })
  assert.deepEqual([status, json['version']], [200, 1])
})

test('vectors are kept for 31 days and in a bounded number for each VM, the oldest deleted first, a few at a time', async () => {
  const member = await bench.member()
  const { store } = bench.server
  await bench.send(
    member,
    Array.from({ length: 10 }, (_, i) => aLine(member.vm, i)),
  )
  bench.now += 32 * DAY_MS
  const later = await bench.member(`${member.vm}-later`)
  await bench.send(
    later,
    Array.from({ length: 8 }, (_, i) => aLine(later.vm, i)),
  )
  await bench.server.tend()
  assert.deepEqual([store.lines(member.vm), store.agent(member.vm)?.kept], [[], 0])
  const most = { before: 0, perVm: 5, most: 2 }
  assert.deepEqual([store.vectors.prune(most), store.vectors.prune(most), store.vectors.prune(most)], [2, 1, 0])
  assert.deepEqual(
    store.lines(later.vm),
    [3, 4, 5, 6, 7].map((i) => aLine(later.vm, i)),
  )
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

test('what can not be kept is not acknowledged: the agent is told to come later', async () => {
  const other = new Bench()
  await other.start()
  const member = await other.member()
  other.server.store.whole = () => {
    throw Object.assign(new Error('disk I/O error'), { statusCode: 500 })
  }
  const { status, json } = await other.send(member, [aLine(member.vm, 0)])
  assert.deepEqual([status, json], [500, { error: 'internal' }])
  await other.stop()
  await other.start()
  assert.deepEqual(other.server.store.lines(member.vm), [])
  await other.remove()
})

test('keys are readable by their owner alone, and neither a token nor a key stands in the store or in the log', async () => {
  const token = bench.token('vm-secret')
  const { key } = await bench.join('vm-secret', token)
  await bench.join('vm-secret', token)
  assert.equal(statSync(join(bench.data, 'ca-1.json')).mode & 0o777, 0o600)
  assert.equal(statSync(bench.data).mode & 0o777, 0o700)
  const kept = ['agents.sqlite', 'agents.sqlite-wal'].map((name) => readFileSync(join(bench.data, name), 'latin1'))
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
