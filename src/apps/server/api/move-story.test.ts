import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Journal, JournalLine } from '../../../world/site-store.ts'
import { Check } from 'typebox/value'
import { aBench } from '../../../../tools/server/desk-bench.ts'
import type { OrderId } from '../../../terms/ids.ts'
import { storyText } from '../../cli/moves-explain.ts'
import { MoveStoryView } from '../views/moves.ts'
import { tellMove } from './move-story.ts'

test('a move is told from its cause to what came: turn, other hosts, bounds, budgets, promise, steps, figures', async () => {
  const bench = await aBench('full')
  await bench.stepUntil(() => bench.driver.calls.length > 0)
  const [{ intent }] = bench.driver.calls
  await bench.arrive()
  await bench.step()
  const { id, vmId, from, to } = intent.order
  const story = await tellMove(bench.store.journal, id)
  assert.ok(story?.move !== undefined && Check(MoveStoryView, JSON.parse(JSON.stringify(story))))
  assert.equal(story.turn?.order['id'], id)
  assert.deepEqual(story.steps.map(({ step }) => step).slice(0, 2), ['intent', 'sending'])
  assert.equal(story.steps.at(-1)?.['step'], 'closed')
  const { bounds, suitableHosts, alternatives, refused } = story.grounds as Record<string, unknown[]>
  assert.deepEqual(
    (bounds as { host: string }[]).map(({ host }) => host),
    [from, to],
  )
  // Of three hosts one is its own, and refused for that.
  const refusals = refused as { lacking: string; hosts: number }[]
  assert.ok(refusals.some(({ lacking }) => lacking === 'same-host'))
  const others = refusals.reduce((sum, { hosts }) => sum + hosts, 0)
  assert.equal(Number(suitableHosts) + others, bench.site.hosts.length)
  assert.equal(alternatives.length, Number(suitableHosts))
  const text = storyText(JSON.parse(JSON.stringify(story)) as MoveStoryView)
  for (const line of [
    `${id}: ${vmId} from ${from} to ${to}`,
    /^worth +gain [\d.]+, its share by cost of what is nearly sure [\d.]+, cost [\d.]+, confidence \d+ %$/m,
    /^cause +the policy$/m,
    /^bound +host-\d+: up to [\d.]+ of [\d.]+ reference cores, [\d.]+ after the move$/m,
    /^budget +host-\d+ may take part in \d+ more moves$/m,
    /^budget +the cluster may take \d+ more moves of its class$/m,
    /^promised +10/m,
    /closed done: It runs at the destination/,
    /^came +12/m,
  ])
    assert.ok(typeof line === 'string' ? text.startsWith(line) : line.test(text), `${String(line)}\n${text}`)
})

test('a proposal that nobody took up is told with why it was held, and what the journal does not know is nothing', async () => {
  const bench = await aBench('partial')
  await bench.stepUntil(() => bench.view().proposals.length > 0)
  const [{ id }] = bench.view().proposals
  const story = await tellMove(bench.store.journal, id)
  assert.match(story?.held ?? '', /Automation is partial/)
  assert.match(storyText(JSON.parse(JSON.stringify(story)) as MoveStoryView), /^begun +not yet, or never$/m)
  assert.equal(await tellMove(bench.store.journal, 'nobody-1'), undefined)
  await bench.desk.answer({ what: 'approve', orderId: id as OrderId, who: 'ann' })
  const begun = await tellMove(bench.store.journal, id)
  assert.match(storyText(JSON.parse(JSON.stringify(begun)) as MoveStoryView), /^cause +ann approved it$/m)
  assert.ok(begun?.grounds !== undefined)
})

test('to ask for a move that there never was reads a bounded part of a journal of long lines, a little at a time', async () => {
  const line = `{"kind":"turn","at":1,"events":"${'x'.repeat(1024 * 1024)}"}`
  let [looked, most] = [0, 0]
  const from = async (number: number, count: number): Promise<readonly JournalLine[]> => {
    looked += count
    most = Math.max(most, count)
    return Array.from({ length: count }, (_, i) => ({ number: number + i, at: 1, line }))
  }
  const last = async (): Promise<readonly JournalLine[]> => [{ number: 50_000, at: 1, line }]
  assert.equal(await tellMove({ from, last } as Pick<Journal, 'from' | 'last'> as Journal, 'nobody'), undefined)
  assert.ok(looked > 0 && looked <= 200 && most <= 100, `${looked} lines, ${most} at a time`)
})
