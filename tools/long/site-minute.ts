import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import type { LongTest } from '../long-test.ts'
import { LARGE } from '../server/restart.ts'
import { minuteAtScale } from '../server/site-at-scale.ts'

const RSS_MIB_MAX = 2048

/** Test 27 of reliability as it is served, and the lag of test 57. Latencies are kept, and not judged: they are those of a machine with other work. */
export const longTest: LongTest = {
  summary:
    '`ethos serve` with 10,000 VMs on 300 hosts for a minute at 33 vectors/s, and for half a minute at ten times as many; hosts report every minute, a turn ' +
    'is taken every 10 s, a program asks for four rankings a second.',
  run: async () => {
    const seen = await minuteAtScale(LARGE, { calmSec: 60, burstSec: 30, say })
    assert.ok((seen['serverRssMiBMax'] ?? Infinity) <= RSS_MIB_MAX)
    return { ...seen, loadAverage: Math.round(loadavg()[0] * 10) / 10 }
  },
}

function say(what: string): void {
  process.stderr.write(`... ${what}\n`)
}
