import assert from 'node:assert/strict'
import type { HostId } from '../terms/ids.ts'
import { DAY_MS } from '../terms/units.ts'
import type { Sentences } from './register.contract.ts'
import type { SiteStoreSubject } from './site-store.contract.ts'
import { RETENTION } from './site-store.ts'
import { isStoreError, NOON, WEB } from './site-store-parts.contract.ts'
import { tendAll } from './site-store-vectors.contract.ts'

const HOST = 'host-1' as HostId

/** Hosts, journal, audit, phase models, settings, leases, upkeep. */
export const RECORD_SENTENCES: Sentences<SiteStoreSubject> = {
  'a host is kept as it was put last, and what was measured before beside it': async ({ store }) => {
    await store.hosts.put({ hostId: HOST, measurement: '{"run":1}', changedAt: NOON })
    await store.hosts.put({ hostId: HOST, measurement: '{"run":1}', corrections: '{"cores":2}', changedAt: NOON + 1 })
    await store.hosts.put({ hostId: HOST, measurement: '{"run":2}', corrections: '{"cores":2}', changedAt: NOON + 2 })
    const row = { hostId: HOST, measurement: '{"run":2}', corrections: '{"cores":2}', changedAt: NOON + 3 }
    await store.hosts.put(row)
    assert.deepEqual(await store.hosts.find(HOST), row)
    assert.deepEqual(await store.hosts.measurements(HOST, 9), [{ at: NOON, measurement: '{"run":1}' }])
    await store.hosts.put({ ...row, measurement: '{"run":3}' })
    const before = await store.hosts.measurements(HOST, 1)
    assert.deepEqual(before, [{ at: NOON + 2, measurement: '{"run":2}' }])
  },
  'of two who change a host at once neither undoes what the other changed': async ({ store, beside }) => {
    const other = await beside()
    await store.hosts.put({ hostId: HOST, changedAt: NOON })
    await Promise.all([
      store.hosts.put({ hostId: HOST, measurement: '{"run":1}', changedAt: NOON + 1 }),
      other.hosts.put({ hostId: HOST, corrections: '{"cores":2}', changedAt: NOON + 1 }),
    ])
    const row = { hostId: HOST, measurement: '{"run":1}', corrections: '{"cores":2}', changedAt: NOON + 1 }
    assert.deepEqual(await store.hosts.find(HOST), row)
    assert.deepEqual(await store.hosts.measurements(HOST, 9), [])
    await other.close()
  },
  'corrections are replaced only where those stand that are expected': async ({ store }) => {
    const put = (corrections: string, standing?: string) =>
      store.hosts.put(
        { hostId: HOST, corrections, changedAt: NOON },
        standing === undefined ? {} : { corrections: standing },
      )
    assert.equal(await put('{"cores":1}'), true)
    assert.equal(await put('{"cores":2}'), false)
    assert.equal(await put('{"cores":3}', '{"cores":9}'), false)
    assert.equal((await store.hosts.find(HOST))?.corrections, '{"cores":1}')
    assert.equal(await put('{"cores":4}', '{"cores":1}'), true)
    assert.equal((await store.hosts.find(HOST))?.corrections, '{"cores":4}')
  },
  'hosts are listed by name and removed once': async ({ store }) => {
    await store.hosts.put({ hostId: HOST, changedAt: NOON })
    await store.hosts.put({ hostId: 'a-host' as HostId, changedAt: NOON })
    assert.deepEqual(
      (await store.hosts.list()).map(({ hostId }) => hostId),
      ['a-host', HOST],
    )
    assert.equal(await store.hosts.remove(HOST), true)
    assert.equal(await store.hosts.remove(HOST), false)
    assert.equal(await store.hosts.find(HOST), undefined)
  },
  'journal lines are numbered from 1 in the order in which they were asked for': async ({ store }) => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`)
    const numbers = await Promise.all(lines.map((line) => store.journal.append(line, NOON)))
    assert.deepEqual(
      numbers,
      lines.map((_, i) => i + 1),
    )
    assert.deepEqual(await store.journal.from(19, 9), [
      { number: 19, at: NOON, line: 'line 18' },
      { number: 20, at: NOON, line: 'line 19' },
    ])
    const told = async (lines: ReturnType<typeof store.journal.last>) => (await lines).map(({ number }) => number)
    assert.deepEqual(await told(store.journal.from(1, 2)), [1, 2])
    assert.deepEqual(await told(store.journal.last(2)), [19, 20])
    assert.deepEqual(await store.journal.verify(), { kind: 'whole', lines: 20 })
  },
  'any characters but line breaks and NUL come back as they were, however many': async ({ store }) => {
    const lines = ['{"a":"\\n"}', 'ἦθος · 場所 · 🖥', ' spaced\t', '\u2028\u0085', 'x'.repeat(200_000)]
    for (const line of lines) await store.journal.append(line, NOON)
    assert.deepEqual(
      (await store.journal.last(9)).map(({ line }) => line),
      lines,
    )
    assert.deepEqual(await store.journal.verify(), { kind: 'whole', lines: lines.length })
  },
  'a line that is empty, broken, half a character or has a NUL is refused and leaves no trace': async ({ store }) => {
    for (const line of ['', 'two\nlines', 'carriage\rreturn', 'half \ud83d', 'nul \u0000']) {
      await assert.rejects(store.journal.append(line, NOON), isStoreError('invalid'))
    }
    assert.equal(await store.journal.append('whole', NOON), 1)
  },
  'two processes append to one chain': async ({ store, beside }) => {
    const other = await beside()
    for (let i = 0; i < 3; i++) {
      await store.journal.append('mine', NOON)
      await other.journal.append('theirs', NOON)
    }
    assert.deepEqual(await other.journal.verify(), { kind: 'whole', lines: 6 })
    await other.close()
  },
  'a journal is whole when its oldest lines were deleted, and numbers go on': async ({ store }) => {
    await store.journal.append('old', NOON)
    await store.journal.append('young', NOON + DAY_MS)
    await tendAll(store, NOON + RETENTION.journalMs + 1)
    assert.deepEqual(await store.journal.last(9), [{ number: 2, at: NOON + DAY_MS, line: 'young' }])
    assert.deepEqual(await store.journal.verify(), { kind: 'whole', lines: 1 })
    assert.equal(await store.journal.append('next', NOON + DAY_MS), 3)
  },
  'a lease has one holder at a time, and its token rises with each new one': async ({ store }) => {
    const first = await store.leases.take('controller', 'one', NOON, 1000)
    assert.equal(first?.endsAt, NOON + 1000)
    assert.equal(await store.leases.take('controller', 'two', NOON + 999, 1000), undefined)
    const longer = await store.leases.take('controller', 'one', NOON + 500, 1000)
    assert.deepEqual(longer, { token: first?.token, endsAt: NOON + 1500 })
    const second = await store.leases.take('controller', 'two', NOON + 1500, 1000)
    assert.ok((second?.token ?? 0) > (first?.token ?? 0))
    await store.leases.release('controller', 'one')
    assert.equal(await store.leases.take('controller', 'one', NOON + 1501, 1000), undefined)
    await store.leases.release('controller', 'two')
    const third = await store.leases.take('controller', 'one', NOON + 1502, 1000)
    assert.ok((third?.token ?? 0) > (second?.token ?? 0))
  },
  'an end that a clock far ahead reckoned keeps nobody out once its holder is gone': async ({ store, beside }) => {
    const other = await beside()
    const jumpedMs = 365 * DAY_MS
    const mine = await store.leases.take('controller', 'one', NOON + jumpedMs, 1000)
    // For a whole length of the lease whoever holds it may still prolong it.
    assert.equal(await other.leases.take('controller', 'two', NOON, 1000), undefined)
    assert.equal(await other.leases.take('controller', 'two', NOON + 1000, 1000), undefined)
    const theirs = await other.leases.take('controller', 'two', NOON + 1001, 1000)
    assert.equal(theirs?.endsAt, NOON + 2001)
    assert.ok((theirs?.token ?? 0) > (mine?.token ?? 0))
    await assert.rejects(store.journal.append('too late', NOON + 1002, mine?.token), isStoreError('fenced'))
    await other.close()
  },
  'a clock that was behind for a moment takes no lease from who lives': async ({ store, beside }) => {
    const other = await beside()
    const mine = await store.leases.take('controller', 'one', NOON, 1000)
    assert.equal(await other.leases.take('controller', 'two', NOON - DAY_MS, 1000), undefined)
    assert.equal(await other.leases.take('controller', 'two', NOON + 1, 1000), undefined)
    assert.equal((await store.leases.take('controller', 'one', NOON + 300, 1000))?.token, mine?.token)
    await other.close()
  },
  'who prolongs a lease keeps it, however far ahead its clock is': async ({ store, beside }) => {
    const other = await beside()
    const mine = await store.leases.take('controller', 'one', NOON + DAY_MS, 1000)
    for (let passedMs = 0; passedMs < 5000; passedMs += 500) {
      assert.equal(await other.leases.take('controller', 'two', NOON + passedMs, 1000), undefined)
      const longer = await store.leases.take('controller', 'one', NOON + DAY_MS + passedMs + 1, 1000)
      assert.equal(longer?.token, mine?.token)
    }
    await other.close()
  },
  'who has lost a lease appends nothing under it': async ({ store, beside }) => {
    const other = await beside()
    const mine = await store.leases.take('controller', 'one', NOON, 1000)
    // It has ended, and nobody else has taken it.
    assert.equal(await store.journal.append('late', NOON + 5000, mine?.token), 1)
    const theirs = await other.leases.take('controller', 'two', NOON + 5000, 1000)
    await assert.rejects(store.journal.append('too late', NOON + 5001, mine?.token), isStoreError('fenced'))
    assert.equal(await other.journal.append('theirs', NOON + 5001, theirs?.token), 2)
    assert.equal(await store.journal.append('of no lease', NOON + 5001), 3)
    await other.close()
  },
  'the newest audit records come last, and only so many are kept': async ({ store }) => {
    const record = { at: NOON, what: 'banned', from: 'command line', reason: 'asked' }
    await store.audit.add(record)
    await store.audit.add({ ...record, about: WEB, reason: 'again' })
    const [{ number: first, ...one }, { number: second, ...two }] = await store.audit.last(9)
    assert.deepEqual([one, two], [record, { ...record, about: WEB, reason: 'again' }])
    assert.ok(first < second)
    assert.deepEqual(
      (await store.audit.last(9, second)).map(({ number }) => number),
      [first],
    )
    assert.deepEqual(await store.audit.last(9, first), [])
    assert.deepEqual(
      (await store.audit.last(1)).map(({ reason }) => reason),
      ['again'],
    )
    await store.upkeep.tend(NOON, { ...RETENTION, auditMost: 1 })
    assert.equal((await store.audit.last(9)).length, 1)
  },
  'the phase model that was added last is the current, until another is chosen': async ({ store }) => {
    const model = { model: '{}', digest: 'ab', installedAt: NOON }
    await store.phases.add({ version: 2, ...model })
    await store.phases.add({ version: 3, ...model })
    assert.equal((await store.phases.current())?.version, 3)
    await store.phases.use(2)
    assert.deepEqual(await store.phases.list(), [
      { version: 2, ...model, isCurrent: true },
      { version: 3, ...model, isCurrent: false },
    ])
    await store.phases.use(1)
    assert.equal(await store.phases.current(), undefined)
  },
  'settings have versions, and one that is not expected changes nothing': async ({ store }) => {
    const by = { who: 'somebody', at: NOON }
    assert.equal(await store.settings.get('policy'), undefined)
    assert.equal(await store.settings.set('policy', 'first', { ...by, expected: 1 }), false)
    assert.equal(await store.settings.set('policy', 'first', { ...by, expected: 0 }), true)
    assert.equal(await store.settings.set('policy', 'second', by), true)
    assert.equal(await store.settings.set('policy', 'third', { ...by, expected: 1 }), false)
    await store.settings.set('site', 'other', by)
    assert.deepEqual(await store.settings.get('policy'), { version: 2, text: 'second', ...by })
    assert.deepEqual(await store.settings.history('policy', 9), [
      { version: 2, text: 'second', ...by },
      { version: 1, text: 'first', ...by },
    ])
  },
  'a change that is refused takes no other with it': async ({ store }) => {
    const results = await Promise.allSettled([
      store.journal.append('first', NOON),
      store.journal.append('', NOON),
      store.journal.append('second', NOON),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(
      (await store.journal.last(9)).map(({ line }) => line),
      ['first', 'second'],
    )
  },
  'a check finds nothing amiss in a store that is well': async ({ store }) => {
    await store.journal.append('line', NOON)
    assert.deepEqual(
      (await store.upkeep.check()).filter(({ severity }) => severity === 'damage'),
      [],
    )
    assert.ok((await store.upkeep.schemaVersion()) >= 1)
    assert.ok((await store.upkeep.sizeBytes()) > 0)
  },
}
