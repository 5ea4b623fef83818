import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { MoveTold } from './automation-site.ts'
import { whyNoTestbed } from './testbed.ts'
import { BUSY_VMS, LEAVING_VM, STAYING_VM, watchAutomation, type WatchedAutomation } from './watch-automation.ts'

const skip = whyNoTestbed()
const say = (text: string): void => void process.stderr.write(`${text}\n`)
const watched: WatchedAutomation | undefined = skip === false ? await watchAutomation(say) : undefined
after(() => watched?.end())

test('SIGKILL of the server in the middle of a move: the next one takes it over, ends it, and calls nobody', {
  skip,
}, () => {
  assert.ok(watched)
  const { emptied } = watched
  assert.deepEqual(emptied.processesAtKill, ['host2', 'host3'])
  assert.ok(emptied.stepsAtKill.includes('sending') && !emptied.stepsAtKill.includes('closed'))
  moved(emptied, ['host3', 'host2'])
  const { vm, cause } = emptied.view
  assert.deepEqual([vm, cause.kind, cause.host], [LEAVING_VM, 'evacuation', 'host3'])
})

test('a host in maintenance is emptied, but of a VM whose owner says in libvirt that it stays', { skip }, () => {
  assert.ok(watched)
  const { evacuation, staying } = watched.emptied
  assert.deepEqual([evacuation?.vms, evacuation?.stuck.map(({ vm }) => vm)], [1, [STAYING_VM]])
  assert.match(evacuation?.stuck[0]?.reason ?? '', /pinned|left alone/)
  assert.deepEqual([staying?.processes, Object.keys(staying?.active ?? {})], [['host3'], ['host3']])
})

test('at full, a host with more wanted than it has loses a VM by the policy alone, with a reason, a promise and what came', {
  skip,
}, () => {
  assert.ok(watched)
  const { decided } = watched
  assert.ok(BUSY_VMS.some((vm) => vm === decided.view.vm))
  moved(decided, ['host1', 'host2'])
  assert.deepEqual(decided.view.cause, { kind: 'policy' })
  assert.match(decided.view.reason, /\S/)
  assert.ok(decided.turn !== undefined && decided.turn.number < decided.intentNumber, 'it was decided first')
  assert.ok((decided.view.promise?.pConverge ?? 0) >= 0.5)
})

test('the kill switch: once it has answered nothing begins, although the host is still contended and another is free', {
  skip,
}, () => {
  assert.ok(watched)
  const { intents, held, contention, moves } = watched.paused
  assert.equal(intents, 0)
  assert.ok(
    held.some((reason) => /paused/.test(reason)),
    held.join(' '),
  )
  assert.equal(moves?.isPaused, true)
  assert.deepEqual(moves?.open, [])
  assert.ok((contention['host1'] ?? 0) > 0.5 && (contention['host3'] ?? 1) < 0.2, JSON.stringify(contention))
})

test('at partial nothing goes by itself, and what a person approves goes once', { skip }, () => {
  assert.ok(watched)
  const { approved, atEnd } = watched
  moved(approved, ['host1', 'host3'])
  assert.equal(approved.view.cause.kind, 'operator')
  assert.equal(atEnd?.ended.length, 3)
  assert.deepEqual(atEnd?.open, [])
})

test('promise against what came: in `ethos moves`, and in the ledger, over the death of the server', { skip }, () => {
  assert.ok(watched)
  const { printed, atEnd, emptied, decided, approved } = watched
  for (const { view } of [emptied, decided, approved])
    assert.match(printed.moves, new RegExp(`${view.vm} +${view.from} > ${view.to} +done`))
  assert.equal(atEnd?.ledger?.moves, 3)
  assert.equal(atEnd?.ledger?.open, 0)
  assert.ok(atEnd?.ledger?.total !== undefined && atEnd.ledger.downtime !== undefined)
  assert.match(printed.ledger, /host1/)
})

test('no alert of a move, and every guest in one place', { skip }, () => {
  assert.ok(watched)
  const { alerts } = watched
  assert.ok(typeof alerts === 'object')
  assert.deepEqual(
    alerts.alerts.filter(({ kind }) => kind.startsWith('move-')),
    [],
  )
})

/** Done, by one call that followed its intent, with a promise and figures, and the VM is on its target and nowhere else. */
function moved({ view, lines, calls, truth }: MoveTold, [from, to]: readonly [string, string]): void {
  const steps = lines.map(({ step }) => step)
  const told = JSON.stringify({ view, steps, calls, truth })
  assert.deepEqual([view.from, view.to, view.state], [from, to, 'done'], told)
  assert.deepEqual([steps[0], steps[1], steps.at(-1)], ['intent', 'sending', 'closed'], told)
  assert.equal(steps.filter((step) => step === 'sending').length, 1, told)
  assert.equal(calls, 1, told)
  assert.ok(view.promise !== undefined && view.promise.totalMs > 0, told)
  assert.ok(view.figures?.totalMs !== undefined && view.figures.downtimeMs !== undefined, told)
  assert.ok((view.figures.copiedBytes ?? 0) > 0, told)
  assert.deepEqual([truth.processes, truth.defined, truth.doubledBeats], [[to], [], 0], told)
  assert.match(truth.active[to] ?? '', /^running/, told)
  // What the emulator spoilt beats no more; libvirt's word stands all the same.
  if (!truth.isSpoilt && truth.beating.length > 0) assert.deepEqual(truth.beating, [to], told)
}
