import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { BEGINNINGS, nameOf } from '../demo/beginnings.ts'
import { Futures } from '../demo/futures.ts'
import { watchDemo } from '../demo/watch.ts'
import type { LongTest } from '../long-test.ts'

/** A minute of the site passes in each. */
const SECONDS = 120
/** Of the machine's memory, with what its processes share counted once. */
const MEMORY_MIB_MAX = 400

/** Issue 6: predictive moves to watch within two minutes. Ahead is one that was ordered before its host would have contended, had nothing been moved. */
export const longTest: LongTest = {
  summary:
    'The demo as `npm start` runs it, from five beginnings, each for two minutes and looked at as the page does: when the first move was ordered and done, ' +
    'when the first ahead of contention was, and what memory its processes take at the end.',
  run: async () => {
    const futures = new Futures()
    const figures: Record<string, number> = {}
    for (const beginning of BEGINNINGS) {
      const name = nameOf(beginning)
      const { moves, memory } = await watchDemo(beginning, { seconds: SECONDS, say: (text) => say(`${name} ${text}`) })
      const contendsAtSec = (host: string): number => futures.contendsAtMinute(beginning, host) ?? Infinity
      const ahead = moves.filter((move) => move.class === 'contention' && move.orderedSec < contendsAtSec(move.from))
      const done = ahead.find(({ isDone }) => isDone)
      assert.ok(done?.endedSec !== undefined, `${name}: no move ahead of contention was done within ${SECONDS} s`)
      const sharedOnceMib = memory.reduce((sum, { shareMib }) => sum + shareMib, 0)
      assert.ok(sharedOnceMib <= MEMORY_MIB_MAX, `${name}: ${sharedOnceMib} MiB`)
      Object.assign(figures, {
        [`${name}Moves`]: moves.length,
        [`${name}MovesDone`]: moves.filter(({ isDone }) => isDone).length,
        [`${name}FirstOrderedSec`]: moves[0].orderedSec,
        [`${name}AheadOrderedSec`]: ahead[0].orderedSec,
        [`${name}AheadDoneSec`]: done.endedSec,
        // Absent: it contends later than is watched, or not.
        ...(contendsAtSec(done.from) < Infinity ? { [`${name}ContendsAtSecIfStill`]: contendsAtSec(done.from) } : {}),
        [`${name}ResidentMib`]: memory.reduce((sum, { residentMib }) => sum + residentMib, 0),
        [`${name}SharedOnceMib`]: sharedOnceMib,
      })
    }
    return { ...figures, loadAverage: Math.round(loadavg()[0] * 10) / 10 }
  },
}

function say(what: string): void {
  process.stderr.write(`... ${what}\n`)
}
