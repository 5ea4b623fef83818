/** Hosts that nobody registered, and names that two senders use: told apart from starts and from changes of address. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { parseHostId } from '../../terms/ids.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { HostWatch } from './host-watch.ts'
import { readRun, writeRun } from './reporter-run.ts'

const HOST = parseHostId('kvm-1')
const BEGUN = Date.UTC(2026, 10, 27, 10, 0)
const [A, B] = ['a'.repeat(16), 'b'.repeat(16)]
const [BOOT_A, BOOT_B] = ['1'.repeat(16), '2'.repeat(16)]
let now = BEGUN
let watch = new HostWatch(() => now)

beforeEach(() => {
  now = BEGUN
  watch = new HostWatch(() => now)
})

/** One report a minute. */
function report(run: string, number: number, { boot, from = '10.0.0.1' }: { boot?: string; from?: string } = {}) {
  now += MINUTE_MS
  return watch.reports(HOST, { run, number, ...(boot === undefined ? {} : { boot }) }, from)
}

const kinds = () => watch.alerts().map(({ kind }) => kind)

test('two machines that take turns under one name are a clone, by the third time that one is back', () => {
  const a = { boot: BOOT_A, from: '10.0.0.1' }
  const b = { boot: BOOT_B, from: '10.0.0.2' }
  // A is back, then B is: that may be a late packet of A. A once more: both live.
  const told = [report(A, 1, a), report(B, 1, b), report(A, 2, a), report(B, 2, b), report(A, 3, a)]
  assert.deepEqual(told, [false, false, false, false, true])
  const [alert] = watch.alerts()
  assert.equal(alert.severity, 'critical')
  assert.equal(
    alert.what,
    `Two machines report as kvm-1, from 10.0.0.1 and from 10.0.0.2, with the boots ${BOOT_A} and ${BOOT_B}. ` +
      'They took turns 3 times since 2026-11-27 10:03 UTC. Nothing is moved to it or from it.',
  )
  assert.match(alert.remedy, /delete its state folder .* `ethos enroll NAME --host`/)
})

test('behind one address they are told apart all the same', () => {
  for (let i = 1; i <= 3; i++)
    for (const [run, boot] of [[A, BOOT_A] as const, [B, BOOT_B] as const]) report(run, i, { boot })
  assert.deepEqual(kinds(), ['host-cloned'])
})

test('a reporter that is started again and again, and a machine that boots again, are no clone', () => {
  for (let i = 0; i < 20; i++) {
    const run = i.toString(16).padStart(16, '0')
    for (let number = 1; number <= 3; number++)
      assert.equal(report(run, number, { boot: i < 10 ? BOOT_A : BOOT_B }), false)
  }
  assert.deepEqual(kinds(), [])
})

test('a host that changes its address, or has two ways out and takes either, is no clone', () => {
  for (let i = 1; i < 20; i++) assert.equal(report(A, i, { boot: BOOT_A, from: `10.0.0.${i % 2}` }), false)
  assert.deepEqual(kinds(), [])
})

test('one late packet of a run that ended is no clone', () => {
  const told = [report(A, 1), report(B, 1), report(A, 2), ...[2, 3, 4, 5].map((number) => report(B, number))]
  assert.ok(!told.includes(true))
  assert.deepEqual(kinds(), [])
})

test('a copy of a running machine, memory and all, counts each number twice', () => {
  const told = [1, 2, 2, 3, 3, 4, 4].map((number) => report(A, number, { boot: BOOT_A }))
  assert.deepEqual(told, [false, false, false, false, false, false, true])
  assert.match(watch.alerts()[0].what, /^Two machines report as kvm-1, from 10.0.0.1, and count their reports twice\. /)
})

test('two reporters on one machine are said to be that, and are believed', () => {
  for (let i = 1; i <= 3; i++) for (const run of [A, B]) assert.equal(report(run, i, { boot: BOOT_A }), false)
  const [alert] = watch.alerts()
  assert.deepEqual([alert.kind, alert.severity], ['host-reported-twice', 'warning'])
})

test('the alert ends once one of the two is heard no more', () => {
  for (let i = 1; i <= 3; i++)
    for (const [run, boot] of [[A, BOOT_A] as const, [B, BOOT_B] as const]) report(run, i, { boot })
  // Each was heard every two minutes: three times that is six.
  for (let i = 4; i <= 9; i++) report(A, i, { boot: BOOT_A })
  assert.deepEqual(kinds(), ['host-cloned'])
  for (let i = 10; i <= 12; i++) report(A, i, { boot: BOOT_A })
  assert.deepEqual([kinds(), report(A, 13, { boot: BOOT_A })], [[], false])
})

test('a host that nobody registered is told of, with how often it was refused, until it is registered or silent', () => {
  watch.stranger(HOST, '10.0.0.7')
  now += MINUTE_MS
  watch.stranger(HOST, '10.0.0.7')
  const [alert] = watch.alerts()
  assert.deepEqual([alert.kind, alert.severity, alert.about], ['host-unregistered', 'warning', 'kvm-1'])
  assert.equal(
    alert.what,
    'kvm-1 reports from 10.0.0.7 and is not on the list of hosts: 2 requests were refused since 2026-11-27 10:00 UTC.',
  )
  assert.match(alert.remedy, /ethos bench host --out kvm-1.json && ethos hosts add kvm-1.json/)
  watch.registered(HOST)
  assert.deepEqual(kinds(), [])
  watch.stranger(HOST, '10.0.0.7')
  now += 21 * MINUTE_MS
  assert.deepEqual(kinds(), [])
})

test('the header is read as it is written, and anything else is none', () => {
  for (const run of [
    { run: A, number: 7, boot: BOOT_A },
    { run: B, number: 123_456 },
  ])
    assert.deepEqual(readRun(writeRun(run)), run)
  for (const text of [undefined, '', A, `${A} -1`, `${A} 1 2`, `${A} 1 ${BOOT_A} x`, `${A}${A} 1`, [A, '1']])
    assert.equal(readRun(text), undefined)
})
