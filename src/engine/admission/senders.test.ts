import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty, PROPERTY_SEED } from '../../../tools/property.ts'
import { Luck } from '../../terms/luck.ts'
import { Keeper, replaySeed } from './builders.ts'
import { SENDERS_MAX } from './senders.ts'

/** Kinds of judgement of arrivals one after the other: `a0` is number 0 of sender a, `a0!` the same with other bytes. */
function judge(line: string, keeper = new Keeper()): readonly string[] {
  return line.split(' ').map((word) => {
    const [, sender, number, other] = /^([a-z]+)(\d+)(!?)$/.exec(word) ?? []
    return keeper.offer({ sender, sequence: Number(number), bytes: `${word.replace('!', '')}${other}` })
  })
}

test('each number of a sender is taken once, and a gap is no reason to wait', () => {
  assert.deepEqual(judge('a0 a0 a5 a3'), ['taken', 'duplicate', 'taken', 'duplicate'])
})

test('a restarted agent goes on under a new name, and what is sent again of the old one is known', () => {
  assert.deepEqual(judge('a0 a1 b0 a1 b1'), ['taken', 'taken', 'taken', 'duplicate', 'taken'])
})

test('two copies that both live are found out at the second vector of the first', () => {
  assert.deepEqual(judge('a7 b0 a8'), ['taken', 'taken', 'quarantine'])
})

test('the same number with other content is another machine, be it the newest or an older one', () => {
  assert.deepEqual(judge('a7 a7!'), ['taken', 'quarantine'])
  assert.deepEqual(judge('a6 a7 a6!'), ['taken', 'taken', 'quarantine'])
})

test('after a release whoever is heard first is the real one, and the other is found out again', () => {
  for (const [first, second] of ['ab', 'ba']) {
    const keeper = new Keeper()
    assert.deepEqual(judge('a7 b0 a8', keeper), ['taken', 'taken', 'quarantine'])
    keeper.release()
    assert.deepEqual(judge(`${first}9 ${first}10 ${second}9`, keeper), ['taken', 'taken', 'quarantine'], first)
  }
})

test('after a release a number that two vectors share holds nobody up', () => {
  const keeper = new Keeper()
  assert.deepEqual(judge('a7 a7!', keeper), ['taken', 'quarantine'])
  keeper.release()
  assert.deepEqual(judge('a7! a8 a7!', keeper), ['duplicate', 'taken', 'quarantine'])
})

test('runs beyond those that are remembered take no room, and what is kept of them is still known', () => {
  const keeper = new Keeper()
  for (let run = 0; run < 3 * SENDERS_MAX; run++)
    assert.equal(keeper.offer({ sender: `s${run}`, sequence: 0, bytes: 'x' }), 'taken')
  assert.equal(keeper.known.senders.length, SENDERS_MAX)
  assert.equal(keeper.offer({ sender: 's0', sequence: 0, bytes: 'x' }), 'duplicate')
})

test('replaying what was heard, in any order, changes nothing', () => {
  const runs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 5 })), {
    minLength: 1,
    maxLength: 5,
  })
  checkProperty(
    fc.property(runs, fc.array(fc.nat(1000), { maxLength: 40 }), (lengths, picks) => {
      const keeper = new Keeper()
      const heard = [...new Map(lengths)].flatMap(([sender, count]) =>
        Array.from({ length: count }, (_, sequence) => ({ sender, sequence, bytes: `${sender}${sequence}` })),
      )
      assert.ok(heard.every((arrival) => keeper.offer(arrival) === 'taken'))
      const { known } = keeper
      for (const pick of picks) assert.equal(keeper.offer(heard[pick % heard.length]), 'duplicate')
      assert.equal(keeper.known, known)
    }),
    { runs: 500 },
  )
})

test('with replays anywhere in between, everything ends as it does without them, quarantine and release included', () => {
  for (let seed = 0; seed < 2000; seed++) replaySeed(new Luck(PROPERTY_SEED * 1e6 + seed))
})
