/** What the ranker's side of its thread says, whatever its store does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { FakeStore } from './api/fakes/builders.ts'
import { RankerDesk } from './ranker-desk.ts'
import type { FromRanker, ToRanker } from './ranker-messages.ts'

const rules = { policy: PRODUCTION_POLICY, optOuts: new Map(), maintenances: new Map() }

function askConflicts(id: number): ToRanker {
  return { kind: 'ask', id, question: { what: 'conflicts', standing: rules, wished: rules }, degraded: [] }
}

/** A desk over a store that opens as it is told to, and what it said. */
function aDesk(open: () => Promise<SiteStore>) {
  const said: FromRanker[] = []
  const desk = new RankerDesk(open, { now: () => 0, sleepUntil: () => Promise.resolve() }, (message) =>
    said.push(message),
  )
  return { desk, said }
}

test('who asks about rules is answered in five seconds though the store is silent, and once', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const store = new FakeStore()
  const silent = Promise.withResolvers<never[]>()
  store.hosts.list = () => silent.promise
  const { desk, said } = aDesk(() => Promise.resolve(store))
  const heard = desk.hear(askConflicts(1))
  // Nothing else waits for it.
  await desk.hear({ kind: 'ask', id: 2, question: { what: 'plan' }, degraded: [] })
  context.mock.timers.tick(4999)
  assert.deepEqual(
    said.map((message) => message.kind === 'answer' && message.id),
    [2],
  )
  context.mock.timers.tick(1)
  await heard
  const [, late] = said
  assert.ok(late.kind === 'answer' && late.id === 1 && late.answer.kind === 'unavailable')
  assert.match(late.answer.reason, /^The store did not tell in time what hosts report\./)
  silent.resolve([])
  await desk.hear(askConflicts(3))
  assert.deepEqual(
    said.map((message) => message.kind === 'answer' && [message.id, message.answer.kind]),
    [
      [2, 'unavailable'],
      [1, 'unavailable'],
      [3, 'json'],
    ],
  )
})
