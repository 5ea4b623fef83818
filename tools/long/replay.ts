import type { LongTest } from '../long-test.ts'
import { replayDays } from '../replay/days.ts'

const DAYS = 30
const TURNS_A_DAY = 288

export const longTest: LongTest = {
  summary: `${DAYS} simulated days of turns at full, each judged once more from what was kept of it: the same lines, byte for byte.`,
  run: async (seed) => {
    const { report, bytes, ...lived } = await replayDays(seed, DAYS * TURNS_A_DAY)
    const { turns, same, orders, journal, differences } = report
    if (same !== turns) throw new Error(`${turns - same} turns came out otherwise: ${JSON.stringify(differences[0])}`)
    if (turns !== DAYS * TURNS_A_DAY || journal?.recorded !== turns)
      throw new Error(`${turns} turns were kept, ${journal?.recorded} of them as they stand in the journal.`)
    const packedBytesPerTurn = Math.round(bytes / turns)
    return { turns, same, orders, ...lived, inTheJournal: journal.recorded, packedBytesPerTurn }
  },
}
