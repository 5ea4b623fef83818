/** `npm run bench:migration [-- --fit]`: how good the cost model of moves is, in numbers, beside its goals and what else one could promise. With `--fit`
 *  it fits the model that ships, traces/live-migrations/cost-model.json, to the recorded moves (or those of `--moves FILE`). */
import { parseArgs } from 'node:util'
import { readFinishedMoves } from './migration/finished-moves.ts'
import { keepCostModel } from './migration/model-file.ts'
import { keepReport } from './migration/report.ts'

const { values: options } = parseArgs({
  options: {
    fit: { type: 'boolean', default: false },
    moves: { type: 'string' },
    cases: { type: 'string', default: '100000' },
    keep: { type: 'boolean', default: false },
  },
})
const cases = Number(options.cases)
if (!Number.isInteger(cases) || cases < 1)
  throw new RangeError(`--cases: "${options.cases}" is not usable. Expected a whole number, 1 or more.`)
const moves = readFinishedMoves(options.moves)
if (options.fit) {
  const model = keepCostModel(moves)
  process.stdout.write(
    `Fitted to ${moves.length} moves: ${model.downtime.rows.length} that ended, traces/live-migrations/cost-model.json.\n`,
  )
}
process.stdout.write(keepReport(moves, { cases, isKept: options.keep }))
