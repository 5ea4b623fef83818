import assert from 'node:assert/strict'
import type { ApiToken } from '../terms/access.ts'
import type { HostId } from '../terms/ids.ts'
import { MINUTE_MS } from '../terms/units.ts'
import type { Sentences } from './register.contract.ts'
import type { SiteStoreSubject } from './site-store.contract.ts'
import { arrivalsOf, aVector, DB, isStoreError, letIn, NEVER, NOON, WEB } from './site-store-parts.contract.ts'

/** Identities, tokens, and the store as a whole. */
export const PEOPLE_SENTENCES: Sentences<SiteStoreSubject> = {
  'a new store knows nobody': async ({ store }) => {
    assert.deepEqual(await store.identities.list(), [])
    assert.equal(await store.identities.find(WEB), undefined)
    assert.deepEqual(await store.vectors.latest(), [])
    assert.deepEqual(await store.apiTokens.list(), [])
    assert.deepEqual(await store.journal.last(9), [])
  },
  'a certificate begins an identity; the next one changes its end alone': async ({ store }) => {
    await store.identities.certify(WEB, NOON, NOON + 1000)
    await store.identities.certify(WEB, NOON + 500, NOON + 1500)
    assert.deepEqual(await store.identities.find(WEB), {
      vm: WEB,
      joinedAt: NOON,
      certificateEndsAt: NOON + 1500,
      via: 'https',
      isBanned: false,
      isReleased: false,
      isClockOff: false,
      vectorsKept: 0,
      vectorsKeptApart: 0,
      counts: {},
    })
  },
  'a join token lets its VM in once, and only one of two that are faster than each other': async ({ store }) => {
    await store.joinTokens.add({ id: 'a', secretDigest: '00', for: { vm: WEB }, expiresAt: NOON + MINUTE_MS })
    const both = await Promise.all([
      store.identities.join('a', NOON, NEVER),
      store.identities.join('a', NOON + 1, NEVER),
    ])
    assert.equal(both.filter((isIn) => isIn).length, 1)
    assert.equal((await store.identities.find(WEB))?.certificateEndsAt, NEVER)
    assert.equal(await store.identities.join('none', NOON, NEVER), false)
    assert.notEqual((await store.joinTokens.find('a'))?.usedAt, undefined)
    assert.equal(await store.joinTokens.revoke('a'), false)
  },
  'who joins again has joined now': async ({ store }) => {
    await store.identities.certify(WEB, NOON, NOON + 1)
    await store.joinTokens.add({ id: 'a', secretDigest: '00', for: { vm: WEB }, expiresAt: NEVER })
    assert.equal(await store.identities.join('a', NOON + 7, NEVER), true)
    assert.equal((await store.identities.find(WEB))?.joinedAt, NOON + 7)
  },
  'join tokens are listed by their end, those of hosts among them': async ({ store }) => {
    const late = { id: 'b', secretDigest: '01', for: { host: 'host-1' as HostId }, expiresAt: NOON + 2 }
    const early = { id: 'c', secretDigest: '02', for: { vm: WEB }, expiresAt: NOON + 1 }
    await store.joinTokens.add(late)
    await store.joinTokens.add(early)
    assert.deepEqual(await store.joinTokens.list(), [early, late])
    assert.equal(await store.joinTokens.revoke('b'), true)
    assert.deepEqual(await store.joinTokens.list(), [early])
  },
  'a VM that is heard through another channel keeps its certificate while that lasts': async ({ store }) => {
    const host = { host: 'host-1' as HostId }
    await store.identities.admit(DB, NOON, 'channel')
    assert.equal((await store.identities.find(DB))?.via, 'channel')
    await store.identities.admit(DB, NOON, host)
    assert.deepEqual((await store.identities.find(DB))?.via, host)
    await store.identities.certify(WEB, NOON, NOON + 10)
    await store.identities.admit(WEB, NOON + 9, host)
    assert.equal((await store.identities.find(WEB))?.via, 'https')
    await store.identities.admit(WEB, NOON + 10, host)
    assert.deepEqual((await store.identities.find(WEB))?.via, host)
  },
  'who is banned is shut out, joined or not, and their join tokens go': async ({ store }) => {
    await letIn(store, WEB)
    await store.joinTokens.add({ id: 'a', secretDigest: '00', for: { vm: DB }, expiresAt: NEVER })
    await store.identities.ban(WEB, NOON)
    await store.identities.ban(DB, NOON)
    const taken = await store.vectors.take([arrivalsOf([aVector()]), arrivalsOf([aVector({ vmId: DB })])])
    assert.deepEqual(taken, [
      { kind: 'shut-out', because: 'banned' },
      { kind: 'shut-out', because: 'banned' },
    ])
    assert.deepEqual(await store.joinTokens.list(), [])
    await store.identities.release(WEB)
    assert.equal((await store.vectors.take([arrivalsOf([aVector()])]))[0].kind, 'heard')
  },
  'another process’s ban is seen at once': async ({ store, beside }) => {
    await letIn(store, WEB)
    await store.vectors.take([arrivalsOf([aVector()])])
    const other = await beside()
    await other.identities.ban(WEB, NOON)
    const [intake] = await store.vectors.take([arrivalsOf([aVector({ sequence: 1 })])])
    assert.deepEqual(intake, { kind: 'shut-out', because: 'banned' })
    await other.identities.release(WEB)
    assert.equal((await store.vectors.take([arrivalsOf([aVector({ sequence: 1 })])]))[0].kind, 'heard')
    await other.close()
  },
  'what is counted of a VM adds up, by word; of one that nobody let in nothing is': async ({ store }) => {
    await letIn(store, WEB)
    await store.identities.count(WEB, 'too many requests', 2)
    await store.identities.count(WEB, 'too many requests', 3)
    await store.identities.count(DB, 'too many requests', 3)
    assert.deepEqual((await store.identities.find(WEB))?.counts, { 'too many requests': 5 })
    assert.equal(await store.identities.find(DB), undefined)
  },
  'identities are listed by name': async ({ store }) => {
    await letIn(store, WEB, DB)
    assert.deepEqual(
      (await store.identities.list()).map(({ vm }) => vm),
      [DB, WEB],
    )
  },
  'the first API token is added where there is none': async ({ store }) => {
    assert.equal(await store.apiTokens.addFirst(aToken({ id: '01' })), true)
    assert.equal(await store.apiTokens.addFirst(aToken({ id: '02' })), false)
    assert.deepEqual(await store.apiTokens.list(), [aToken({ id: '01' })])
  },
  'an API token is found by its id, marked as used, and revoked once': async ({ store }) => {
    const other = aToken({ id: '02', createdAt: NOON + 1, expiresAt: NEVER })
    await store.apiTokens.add(other)
    await store.apiTokens.add(aToken({ id: '01' }))
    assert.deepEqual(await store.apiTokens.find('02'), other)
    assert.equal(await store.apiTokens.find('03'), undefined)
    await store.apiTokens.used(['01', '03'], NOON + 9)
    await store.apiTokens.used(['01'], NOON + 8)
    assert.equal(await store.apiTokens.revoke('01', NOON + 10), true)
    assert.equal(await store.apiTokens.revoke('01', NOON + 11), false)
    assert.equal(await store.apiTokens.revoke('03', NOON + 11), false)
    const revoked = aToken({ id: '01', usedAt: NOON + 9, revokedAt: NOON + 10 })
    assert.deepEqual(await store.apiTokens.list(), [revoked, other])
  },
  'a token id is given once': async ({ store }) => {
    await store.apiTokens.add(aToken({ id: '01' }))
    await assert.rejects(store.apiTokens.add(aToken({ id: '01' })), isStoreError('invalid'))
  },
  'everything is there after opening the store again': async ({ store, reopen }) => {
    await letIn(store, WEB)
    await store.vectors.take([arrivalsOf([aVector()])])
    await store.apiTokens.add(aToken({ id: '01' }))
    await store.journal.append('line', NOON)
    const before = await store.identities.list()
    await store.close()
    const again = await reopen()
    assert.deepEqual(await again.identities.list(), before)
    assert.equal((await again.vectors.latest()).length, 1)
    assert.equal((await again.apiTokens.list()).length, 1)
    assert.equal((await again.journal.last(1))[0]?.line, 'line')
    await again.close()
  },
  'a closed store takes and gives nothing; closing twice does no harm': async ({ store }) => {
    await store.close()
    await assert.rejects(store.identities.ban(WEB, NOON), isStoreError('closed'))
    await assert.rejects(store.identities.find(WEB), isStoreError('closed'))
    await store.close()
  },
}

function aToken(facts: Partial<ApiToken> & Pick<ApiToken, 'id'>): ApiToken {
  return { secretDigest: 'ab', role: 'viewer', name: 'somebody', createdAt: NOON, ...facts }
}
