/** `npm run bench:forecast [-- --data DIR] [--seeds N]`: how far forecasts of demand are off, over the last value, simple ones beside. A beginning: medians, of
 *  CPU alone, and nothing goes by them yet. */
import { parseArgs } from 'node:util'
import { HORIZONS } from '../src/engine/forecast/demand/demand-memory.ts'
import { readGrids } from './forecast/grids.ts'
import { SCORE_OPTIONS, scoreGrid } from './forecast/score.ts'

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, seeds: { type: 'string', default: '1' } },
})
const seeds = Number(options.seeds)
if (!Number.isInteger(seeds) || seeds < 1)
  throw new RangeError(`--seeds: "${options.seeds}" is not usable. Expected a whole number, 1 or more.`)
for (const grid of readGrids(options.data)) {
  for (const horizon of HORIZONS) {
    process.stdout.write(
      `\n${grid.name}, ${horizon * 5} min ahead, ${grid.series.length} VMs; error over that of the last value\n`,
    )
    process.stdout.write('method          seed     error     pooled  held-out VMs  median VM\n')
    for (let seed = 1; seed <= seeds; seed++)
      for (const { method, error, ratio, heldOutRatio, medianRatio } of scoreGrid(grid, horizon, {
        ...SCORE_OPTIONS,
        seed,
      }))
        process.stdout.write(
          `${method.padEnd(14)} ${String(seed).padStart(5)} ${[error, ratio, heldOutRatio, medianRatio].map((x) => x.toFixed(3).padStart(10)).join(' ')}\n`,
        )
  }
}
