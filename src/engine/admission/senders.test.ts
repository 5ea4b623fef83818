import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { admit, type Arrival, NO_SENDERS, type VmSenders } from './senders.ts'

const arrival = (sender: string, sequence: number, digest = `${sender}${sequence}`): Arrival => ({
  sender,
  sequence,
  digest,
})

/** Kinds of judgement of arrivals one after the other, and what is known at the end. */
function judge(
  arrivals: readonly Arrival[],
  from: VmSenders = NO_SENDERS,
): { readonly kinds: readonly string[]; readonly known: VmSenders } {
  let known = from
  const kinds = arrivals.map((each) => {
    const admission = admit(known, each)
    if (admission.kind === 'taken') known = admission.next
    return admission.kind
  })
  return { kinds, known }
}

test('each number of a sender is taken once, and a gap is no reason to wait', () => {
  assert.deepEqual(judge([arrival('a', 0), arrival('a', 0), arrival('a', 5), arrival('a', 3)]).kinds, [
    'taken',
    'duplicate',
    'taken',
    'duplicate',
  ])
})

test('a restarted agent goes on under a new name, and what is sent again of the old one is known', () => {
  assert.deepEqual(judge([arrival('a', 0), arrival('a', 1), arrival('b', 0), arrival('a', 1), arrival('b', 1)]).kinds, [
    'taken',
    'taken',
    'taken',
    'duplicate',
    'taken',
  ])
})

test('two copies that both live are found out at the second vector of the first', () => {
  assert.deepEqual(judge([arrival('a', 7), arrival('b', 0), arrival('a', 8)]).kinds, ['taken', 'taken', 'quarantine'])
})

test('the same number with other content is another machine', () => {
  assert.deepEqual(judge([arrival('a', 7, 'this'), arrival('a', 7, 'that')]).kinds, ['taken', 'quarantine'])
})

test('replaying what was heard, in any order, changes nothing', () => {
  const runs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 5 })), {
    minLength: 1,
    maxLength: 5,
  })
  checkProperty(
    fc.property(runs, fc.array(fc.nat(1000), { maxLength: 40 }), (lengths, picks) => {
      const heard = [...new Map(lengths)].flatMap(([sender, count]) =>
        Array.from({ length: count }, (_, i) => arrival(sender, i)),
      )
      const { known, kinds } = judge(heard)
      assert.ok(kinds.every((kind) => kind === 'taken'))
      const replayed = judge(
        picks.map((pick) => heard[pick % heard.length]),
        known,
      )
      assert.ok(replayed.kinds.every((kind) => kind === 'duplicate'))
      assert.deepEqual(replayed.known, known)
    }),
    { runs: 1000 },
  )
})
