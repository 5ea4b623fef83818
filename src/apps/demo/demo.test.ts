/** What of the demo needs no testbed: its clock, its meter, its figures and drawings, and how it says that it can't be had. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inventory } from '../../terms/cluster.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { drawWaiting, tellFigures, timeOfDay } from './drawing.ts'
import { FastClock } from './fast-clock.ts'
import { compareEvenings, measureEvening, waitingByMinute } from './figures.ts'
import { type Look, Totals } from './meter.ts'
import { drawPage } from './page.ts'
import type { DemoMove, EveningRun } from './run.ts'
import { LASTS_MS } from './scenario.ts'
import { whyNoStage } from './stage.ts'
import { MeterTelemetry } from './world.ts'

const SPEED = 60

/** A look a minute; a guest on host1 that waits so many seconds a second from `risesAt` (minutes) until `endsAt`. */
function anEvening(
  policy: string,
  about: { share: number; risesAt: number; endsAt: number; moves?: DemoMove[] },
): EveningRun {
  const looks: Look[] = []
  let delaySec = 0
  for (let minute = 0; minute * MINUTE_MS <= LASTS_MS; minute++) {
    // A minute of the demo is a second of the machine.
    if (minute > about.risesAt && minute <= about.endsAt) delaySec += about.share
    const vm1 = { usedSec: minute * 0.4, delaySec, host: 'host1' }
    looks.push({ at: minute * MINUTE_MS, guests: new Map([['vm1', vm1]]) })
  }
  return { policy, restShare: 0.05, hostShare: 0.5, looks, moves: about.moves ?? [], refusals: [] }
}

function aMove(orderedMinute: number): DemoMove {
  const at = { orderedAt: orderedMinute * MINUTE_MS, endedAt: (orderedMinute + 3) * MINUTE_MS }
  return { vm: 'vm1', from: 'host1', to: 'host2', ...at, state: 'done', reason: 'tried' }
}

/** The sign in the column of a minute. */
function column(line: string, minute: number): string {
  return line.slice(12)[minute] ?? ''
}

/** What a host tells of vm1. */
function at(host: string, delaySec: number, isRunning = true): Parameters<Totals['add']>[0][number] {
  return { host, vm: 'vm1', isRunning, counters: { usedNs: 0, delayNs: delaySec * 1e9 } }
}

const NEVER = { share: 0, risesAt: 0, endsAt: 0 }

function threeEvenings(): readonly EveningRun[] {
  return [
    anEvening('ethos', { ...NEVER, moves: [aMove(5)] }),
    anEvening('reactive', { share: 1, risesAt: 25, endsAt: 35, moves: [aMove(30)] }),
    anEvening('none', { share: 1, risesAt: 20, endsAt: 60 }),
  ]
}

test('contention-seconds are what guests waited, and what was avoided is a share of it', () => {
  const evenings = threeEvenings().map((run) => measureEvening(run, { speed: SPEED, quietUntilMs: 18 * MINUTE_MS }))
  // One second a second: ten of them from minute 25, forty from minute 20.
  assert.deepEqual(
    evenings.map(({ delaySec }) => delaySec),
    [0, 10, 40],
  )
  assert.deepEqual(
    evenings.map(({ quietShare }) => quietShare),
    [0, 0, 0],
  )
  const compared = compareEvenings([evenings[1], evenings[2]], SPEED)
  assert.deepEqual(compared.avoided, [{ against: 'none', fraction: 0.75 }])
})

test('a host is contended once its guests wait more than half the time of a window, and a move is told with what they waited before it', () => {
  const [ours, reactive] = threeEvenings().map((run) =>
    measureEvening(run, { speed: SPEED, quietUntilMs: 18 * MINUTE_MS }),
  )
  // A window is five minutes: of those before minute 28 three waited, 0.6 s a second.
  assert.equal(reactive.contendedAt, 28 * MINUTE_MS)
  assert.equal(ours.contendedAt, undefined)
  assert.equal(reactive.moves[0].waitedShare, 1)
  assert.equal(ours.moves[0].waitedShare, 0)
})

test('what guests wait for without any peak is told apart, by the quietest beginning', () => {
  // Half a second each second, of 60: 30 s an evening; of ours, which moved in its quiet beginning, ten more.
  const ours = anEvening('ethos', { share: 40 / 60, risesAt: 0, endsAt: 60 })
  const none = anEvening('none', { share: 0.5, risesAt: 0, endsAt: 60 })
  const evenings = [ours, none].map((run) => measureEvening(run, { speed: SPEED, quietUntilMs: 18 * MINUTE_MS }))
  const text = tellFigures(compareEvenings(evenings, SPEED))
  assert.match(text, /wait 0\.50 s a second here, 30\.0 s an evening/)
  assert.match(text, /Beyond that: ethos 10\.0 s, none 0\.0 s\./)
})

test('what nobody looked at is not drawn as nothing', () => {
  const { looks } = anEvening('none', { share: 1, risesAt: 0, endsAt: 60 })
  const late = waitingByMinute(looks.slice(10, 20), 30, SPEED)
  assert.deepEqual(
    late.slice(0, 10).filter((value) => !Number.isNaN(value)),
    [],
  )
  assert.deepEqual(
    late.slice(10, 19),
    Array.from({ length: 9 }, () => 1),
  )
  assert.ok(Number.isNaN(late[19]))
})

test('the drawing has one scale for all, a column a minute, and marks the orders', () => {
  const runs = threeEvenings()
  const evenings = runs.map((run) => measureEvening(run, { speed: SPEED, quietUntilMs: 18 * MINUTE_MS }))
  const lines = drawWaiting(runs, compareEvenings(evenings, SPEED)).split('\n')
  assert.match(lines[1], /19:40 +19:55 +20:10/)
  assert.equal(column(lines[3], 5), 'M')
  const none = lines.find((line) => line.startsWith('none')) ?? ''
  assert.deepEqual([column(none, 18), column(none, 30)], [' ', '█'])
  const text = tellFigures(compareEvenings(evenings, SPEED))
  assert.match(text, /ethos let guests wait 100 % less than reactive\. Goal: 80 % less; reached\./)
  assert.match(text, /ethos moved 1, reactive 1\. Goal: no more; reached\./)
  assert.match(text, /reactive: 20:10 vm1 host1 -> host2, done \(20:13\); after a host was contended/)
})

test('a goal that is missed is told as missed', () => {
  const runs = [
    anEvening('ethos', { share: 1, risesAt: 25, endsAt: 55 }),
    anEvening('none', { share: 1, risesAt: 25, endsAt: 45 }),
  ]
  const evenings = runs.map((run) => measureEvening(run, { speed: SPEED, quietUntilMs: 18 * MINUTE_MS }))
  assert.match(
    tellFigures(compareEvenings(evenings, SPEED)),
    /ethos let guests wait 50 % more than none\. Goal: 95 % less; missed\./,
  )
})

test('the page loads nothing from outside, and what guests are called is no markup', () => {
  const runs = [anEvening('<b>ethos', { ...NEVER, moves: [{ ...aMove(5), vm: '"><script>' }] })]
  const evenings = runs.map((run) => measureEvening(run, { speed: SPEED, quietUntilMs: 0 }))
  const page = drawPage(runs, compareEvenings(evenings, SPEED), ['noted & said'])
  assert.doesNotMatch(page, /<script|https?:|src=|<b>/)
  assert.match(page, /noted &amp; said/)
  assert.match(page, /<polyline points="60\.0,/)
})

test('a guest that moves has new counters, and none of its waiting is lost or counted twice', () => {
  const totals = new Totals()
  const waited = (told: Parameters<Totals['add']>[0]): number | undefined => totals.add(told).get('vm1')?.delaySec
  assert.equal(waited([at('host1', 100)]), 0, 'what was before is not of the run')
  assert.equal(waited([at('host1', 101)]), 1)
  // On its way both hosts have a process of it, and the new one begins at 0.
  assert.equal(waited([at('host1', 102), at('host2', 0.5, false)]), 2.5)
  assert.equal(waited([at('host2', 1)]), 3)
  assert.equal(waited([at('host2', 1), at('host1', 2, false)]), 5, 'back on host1 it is a new process')
  assert.equal(totals.add([at('host2', 1)]).get('vm1')?.host, 'host2')
})

test('a guest whose counters were not told for once goes on from those of before', () => {
  const totals = new Totals()
  const waited = (told: Parameters<Totals['add']>[0]): number | undefined => totals.add(told).get('vm1')?.delaySec
  waited([at('host1', 100)])
  assert.equal(waited([at('host1', 138)]), 38)
  const { counters: _, ...untold } = at('host1', 0)
  assert.equal(waited([untold]), 38)
  assert.equal(waited([at('host1', 140)]), 40)
  assert.equal(waited([]), 40, 'nor where it was left out whole')
  assert.equal(waited([at('host1', 141)]), 41)
})

test('what was measured for a moment only counts as not measured', async () => {
  const { looks } = anEvening('none', { share: 0.5, risesAt: 0, endsAt: 60 })
  const cpuAfter = async (minutes: number): Promise<number | undefined> => {
    const meter = {
      latest: looks[minutes],
      lookAt: (until: number) => looks.findLast((look) => look.at <= until) ?? looks[0],
    }
    const inventory = { vms: [{ id: 'vm1' }] } as unknown as Inventory
    return (await new MeterTelemetry(meter, { speed: SPEED }).read(inventory)).samples.columns.cpu?.[0]
  }
  assert.equal(await cpuAfter(2), NaN)
  // In each second it ran 0.4 and waited 0.5. Of the other half it ran four fifths: so it would have of the half that it waited.
  assert.ok(Math.abs(((await cpuAfter(5)) ?? NaN) - 0.8) < 1e-6)
})

test('a fast clock stands still until it is started, and ends a sleep when it is told to', async () => {
  let real = 1000
  const controller = new AbortController()
  const clock = new FastClock(SPEED, controller.signal, () => real)
  assert.equal(clock.now(), 0)
  clock.start()
  real += 5 * SECOND_MS
  assert.equal(clock.now(), 5 * MINUTE_MS)
  await clock.sleepUntil(5 * MINUTE_MS)
  const asleep = clock.sleepUntil(60 * MINUTE_MS)
  controller.abort(new Error('enough'))
  await assert.rejects(asleep, /enough/)
})

test('where the demo can not be had, it is said why and what would help', () => {
  const good = { userId: 0, architecture: 'x64', exists: () => true, canMakeHosts: () => true }
  assert.equal(whyNoStage(good), undefined)
  assert.match(whyNoStage({ ...good, userId: 1000 }) ?? '', /Run it as root/)
  assert.match(whyNoStage({ ...good, architecture: 'arm64' }) ?? '', /This machine is arm64/)
  assert.match(whyNoStage({ ...good, canMakeHosts: () => false }) ?? '', /--privileged/)
  const without = (missing: string) => ({ ...good, exists: (path: string) => !path.endsWith(missing) })
  assert.match(whyNoStage(without('testbed.sh')) ?? '', /from a clone of the repository/)
  const text = whyNoStage(without('qemu-system-x86_64')) ?? ''
  assert.match(text, /apt-get install --no-install-recommends qemu-system-x86$/)
})

test('times of day go on after midnight', () => {
  assert.deepEqual(
    [0, 20, 260].map((minute) => timeOfDay(minute * MINUTE_MS)),
    ['19:40', '20:00', '00:00'],
  )
})
