import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ROLES } from '../../../terms/access.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import { makeFirstToken } from './api-token.ts'
import { ApiBench } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

const store = new FakeStore()
const bench = new ApiBench({ store })
before(() => bench.start())
after(() => bench.stop())

test('the first start makes one admin token, later starts make none', async () => {
  const fresh = new FakeStore()
  const text = (await makeFirstToken(fresh.apiTokens, 5)) ?? ''
  assert.match(text, /^ethos_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
  assert.equal(await makeFirstToken(fresh.apiTokens, 6), undefined)
  const [kept] = fresh.kept.apiTokens.values()
  assert.equal(kept.role, 'admin')
  assert.ok(!JSON.stringify(kept).includes(text.slice(-43)))
})

test('each role is let in, and the use of its token is noted once a minute', async () => {
  for (const role of ROLES) {
    const token = await bench.token(role)
    const id = token.slice(6, 22)
    const answer = await bench.ask({ path: '/v1/status', token })
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(answer.json['you'], { name: `token ${role} (${id})`, role })
    const usedAt = store.kept.apiTokens.get(id)?.usedAt
    assert.equal(usedAt, bench.now)
    bench.now += SECOND_MS
    await bench.ask({ path: '/v1/status', token })
    assert.equal(store.kept.apiTokens.get(id)?.usedAt, usedAt)
  }
})

test('a site whose clock goes at another pace than the machine’s says so, and no other', async () => {
  const paced = new ApiBench({ store: new FakeStore() })
  await paced.start({ pace: { speed: 60 } })
  try {
    const { json } = await paced.ask({ path: '/v1/status', token: await paced.token('viewer') })
    assert.equal(json['clockSpeed'], 60)
  } finally {
    await paced.stop()
  }
  const { json } = await bench.ask({ path: '/v1/status', token: await bench.token('viewer') })
  assert.ok(!('clockSpeed' in json))
})
