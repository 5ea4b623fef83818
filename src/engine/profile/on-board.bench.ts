import { bench } from '../../../tools/benchmark.ts'
import { parseVmId } from '../../terms/ids.ts'
import { Luck } from '../../terms/luck.ts'
import { READING_LENGTH } from '../../terms/reading.ts'
import { HOUR_MS, SECOND_MS } from '../../terms/units.ts'
import { OnBoard } from './on-board.ts'
import { PHASES_1 } from './phases-1.ts'

/** Readings of every measure, as an agent gives them every five seconds. */
const luck = new Luck(1)
const rows = Array.from({ length: 64 }, () => Float64Array.from({ length: READING_LENGTH }, () => luck.fraction()))

function subject(): OnBoard {
  const options = { vmId: parseVmId('vm'), sender: 'bench', cores: 2, refCoresPerCore: 1 }
  return new OnBoard({ ...options, windowMs: HOUR_MS, phases: PHASES_1 })
}

bench('take in one reading', { smoke: 500, full: 200_000 }, (size) => {
  const onBoard = subject()
  let changes = 1
  for (let i = 1; i <= size; i++) {
    const { phaseChanged } = onBoard.observe({
      at: i * 5 * SECOND_MS,
      spanMs: 5 * SECOND_MS,
      values: rows[i % rows.length],
    })
    if (phaseChanged) changes++
  }
  return changes
})

/** A day was seen, so that every dimension is there. */
const learnt = subject()
for (let i = 1; i <= 1440; i++)
  learnt.observe({ at: i * 60 * SECOND_MS, spanMs: 60 * SECOND_MS, values: rows[i % rows.length] })

bench('make one vector', { smoke: 5, full: 10_000 }, (size) => {
  let sum = 0
  for (let i = 0; i < size; i++) sum += learnt.vector(24 * HOUR_MS, i).values[0]
  return sum
})

bench('keep and take back a day of history', { smoke: 2, full: 1000 }, (size) => {
  let bytes = 0
  for (let i = 0; i < size; i++) {
    const text = learnt.snapshot()
    bytes += subject().restore(text, 24 * HOUR_MS) === 'restored' ? text.length : 0
  }
  return bytes
})
