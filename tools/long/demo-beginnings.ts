import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { BEGINNINGS, nameOf } from '../demo/beginnings.ts'
import { Futures } from '../demo/futures.ts'
import { watchDemo } from '../demo/watch.ts'
import type { Figures, LongTest } from '../long-test.ts'

const SECONDS = 120

/** Issue 6: predictive moves to watch within two minutes. */
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
      const ahead = moves.filter(({ class: why }) => why === 'contention')
      assert.ok(ahead.length > 0, `${name}: no move ahead of contention within ${SECONDS} s`)
      const contendsAtMinute = futures.contendsAtMinute(beginning, ahead[0].from)
      Object.assign(figures, {
        [`${name}Moves`]: moves.length,
        [`${name}FirstOrderedSec`]: moves[0].orderedSec,
        ...told(`${name}FirstDoneSec`, Math.min(...moves.map(({ doneSec = Infinity }) => doneSec))),
        [`${name}AheadOrderedSec`]: ahead[0].orderedSec,
        ...told(`${name}AheadDoneSec`, ahead[0].doneSec),
        // A minute of the site passes in a second.
        ...told(`${name}ContendsAtSecIfStill`, contendsAtMinute),
        [`${name}ResidentMb`]: memory.reduce((sum, { residentMb }) => sum + residentMb, 0),
        [`${name}SharedOnceMb`]: memory.reduce((sum, { shareMb }) => sum + shareMb, 0),
      })
    }
    return { ...figures, loadAverage: Math.round(loadavg()[0] * 10) / 10 }
  },
}

function told(name: string, value: number | undefined): Figures {
  return value === undefined || value === Infinity ? {} : { [name]: value }
}

function say(what: string): void {
  process.stderr.write(`... ${what}\n`)
}
