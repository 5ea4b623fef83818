import assert from 'node:assert/strict'
import { DAY_MS } from '../../src/terms/units.ts'
import type { Figures, LongTest } from '../long-test.ts'
import { isGrowing } from '../server/growth.ts'
import { hoursApart } from '../server/hours-process.ts'
import { LARGE } from '../server/restart.ts'

/** All of the goal's VMs for some hours, and a fifth of them for a day: a day of all takes ten minutes of CPU time. */
const LARGE_HOURS = 4
const FIFTH = { hosts: 60, vms: 2000, pastMs: 2.5 * DAY_MS }
const FIFTH_HOURS = 24
const RSS_MIB_MAX = 2048
const TURN_CPU_MS_MAX = 5000

/** Test 27 of reliability, as far as it is about a day; `site-minute` is the rest. */
export const longTest: LongTest = {
  summary:
    `10,000 VMs on 300 hosts for ${LARGE_HOURS} hours, and 2,000 on 60 for ${FIFTH_HOURS}, by a clock that runs as fast as the work is done: a turn and all ` +
    'vectors every 5 minutes, packing every minute, the ranker beside, in one process whose young generation has its full size from the start.',
  run: async () => {
    const fifth = await hoursApart(FIFTH, FIFTH_HOURS)
    say(JSON.stringify(fifth))
    const large = await hoursApart(LARGE, LARGE_HOURS)
    say(JSON.stringify(large))
    // CPU time, for the machine may have other work.
    assert.ok((large['turnCpuMsMax'] ?? Infinity) <= TURN_CPU_MS_MAX)
    assert.ok((large['rssMiBMax'] ?? Infinity) <= RSS_MIB_MAX)
    assertLevel(fifth)
    assertLevel(large)
    return { ...under('large', large), ...under('fifth', fifth) }
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
