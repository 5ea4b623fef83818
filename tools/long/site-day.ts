import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { DAY_MS } from '../../src/terms/units.ts'
import type { Figures, LongTest } from '../long-test.ts'
import { isGrowing } from '../server/growth.ts'
import { LARGE } from '../server/restart.ts'
import { hoursAtScale, minuteAtScale } from '../server/site-at-scale.ts'

/** All of the goal's VMs for some hours, and a fifth of them for a day: on two cores a day of all takes ten minutes of CPU time. */
const LARGE_HOURS = 6
const FIFTH = { hosts: 60, vms: 2000, pastMs: 3 * DAY_MS }
const FIFTH_HOURS = 24
/** Of all processes of a server, and of the one that does all of it. */
const RSS_MIB_MAX = 2048
const TURN_MS_MAX = 5000

/** Test 27 of reliability, and the lag of test 57. Latencies are kept, and not judged: they are those of a machine with other work. */
export const longTest: LongTest = {
  summary:
    `10,000 VMs on 300 hosts for ${LARGE_HOURS} hours, and 2,000 on 60 for ${FIFTH_HOURS}, by a clock that runs as fast as the work is done: a turn and all ` +
    'vectors every 5 minutes, in one process. Then `ethos serve` with the 10,000 for a minute at 33 vectors/s, and for half a minute at ten times as ' +
    'many, while a program asks for four rankings a second.',
  run: async () => {
    const minute = await minuteAtScale(LARGE, { calmSec: 60, burstSec: 30, say })
    const loadAverage = Math.round(loadavg()[0] * 10) / 10
    say(JSON.stringify({ ...minute, loadAverage }))
    const large = await hoursAtScale(LARGE, LARGE_HOURS, say)
    say(JSON.stringify(large))
    const fifth = await hoursAtScale(FIFTH, FIFTH_HOURS, say)
    say(JSON.stringify(fifth))
    assert.ok((large['turnMsMax'] ?? Infinity) <= TURN_MS_MAX)
    assert.ok(Math.max(large['rssMiBMax'] ?? Infinity, minute['serverRssMiBMax'] ?? Infinity) <= RSS_MIB_MAX)
    assertLevel(large)
    assertLevel(fifth)
    return { ...under('minute', { ...minute, loadAverage }), ...under('large', large), ...under('fifth', fifth) }
  },
}

function say(what: string): void {
  process.stderr.write(`... ${what}\n`)
}

function assertLevel(seen: Readonly<Record<string, number>>): void {
  for (const what of ['rss', 'heap']) {
    const of = (name: string): number => seen[`${what}MiB${name}`] ?? NaN
    const growth = { mean: of('Mean'), slope: of('PerHour'), error: of('PerHourError') }
    assert.equal(isGrowing(growth, seen['hours'] ?? NaN), false, `${what}: ${JSON.stringify(growth)}`)
  }
}

function under(part: string, figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${part}.${name}`, value]))
}
