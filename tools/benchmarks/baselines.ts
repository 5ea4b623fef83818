/** What others would do in place of trees: the best single proxy, nearest neighbours, ridge regression on the chosen or on everything. */
import { type Frame, medianAt, medianOfSorted, presentRows } from './frame.ts'
import { type MetricScore, scoreFit } from './score.ts'

/** Values beyond so many robust standard deviations weigh no more than these: a squared error would follow single VMs otherwise. */
const CLIPPED_AT = 4
const LAMBDAS = [3, 100, 3000]
const NEIGHBOURS = [15, 60]
/** Neighbours are looked up among so many VMs, which says all that more would and takes seconds. */
const REFERENCES = 2500

/** Columns of some metrics, in robust standard deviations, clipped, absent as 0. */
function scaled(frame: Frame, metrics: readonly number[]): readonly Float64Array[] {
  return metrics.map((m) => {
    const unit = 1.4826 * Math.max(frame.deviations[m], 1e-4)
    return frame.centred[m].map((log) =>
      Number.isNaN(log) ? 0 : Math.max(-CLIPPED_AT, Math.min(CLIPPED_AT, log / unit)),
    )
  })
}

/** Keeps what does best on the validation VMs; the median (no prediction at all) is always among the ways. */
function bestOf(frame: Frame, target: number, ways: readonly ((rows: Int32Array) => Float64Array)[]): MetricScore {
  const values = frame.centred[target]
  const error = (predicted: Float64Array, rows: Int32Array): number =>
    medianAt(
      Float64Array.from(rows, (row, i) => Math.abs(values[row] - predicted[i])),
      Int32Array.from(rows, (_, i) => i),
    )
  const validation = presentRows(values, frame.validation)
  type Way = (rows: Int32Array) => Float64Array
  let best: { readonly error: number; readonly way: Way } = {
    error: medianAt(values.map(Math.abs), validation),
    way: (rows: Int32Array) => new Float64Array(rows.length),
  }
  for (const way of ways) {
    const found = error(way(validation), validation)
    if (found < best.error) best = { error: found, way }
  }
  const residuals = new Float64Array(values.length).fill(Number.NaN)
  const test = presentRows(values, frame.split.test)
  const predicted = best.way(test)
  test.forEach((row, i) => {
    residuals[row] = values[row] - predicted[i]
  })
  return scoreFit(frame, target, { residuals, validationGain: 0 })
}

/** Median of the VMs that started at about the same time, wherever they run: what fleet-wide changes would tell. */
export function scoreNeighboursInTime(frame: Frame, targets: readonly number[]): readonly MetricScore[] {
  return scoreByNeighbours(frame, [Float64Array.from(frame.group.startMinutes)], targets)
}

/** Median of the nearest VMs by the chosen metrics, in robust standard deviations. */
export function scoreNeighbours(
  frame: Frame,
  chosen: readonly number[],
  targets: readonly number[],
): readonly MetricScore[] {
  return scoreByNeighbours(frame, scaled(frame, chosen), targets)
}

function scoreByNeighbours(
  frame: Frame,
  columns: readonly Float64Array[],
  targets: readonly number[],
): readonly MetricScore[] {
  const references = frame.inner.slice(0, REFERENCES)
  const nearest = new Map<number, Int32Array>()
  for (const rows of [frame.validation, frame.split.test]) {
    for (const row of rows) nearest.set(row, nearestOf(row, references, columns))
  }
  return targets.map((target) =>
    bestOf(
      frame,
      target,
      NEIGHBOURS.map((count) => (rows) => {
        return Float64Array.from(rows, (row) => {
          const near = nearest.get(row)?.subarray(0, count) ?? new Int32Array()
          const values = Float64Array.from(near, (other) => frame.centred[target][other])
          return medianOfSorted(values.filter((value) => !Number.isNaN(value)).sort()) || 0
        })
      }),
    ),
  )
}

function nearestOf(row: number, references: Int32Array, columns: readonly Float64Array[]): Int32Array {
  const distances = new Float64Array(references.length)
  for (const column of columns) {
    for (let i = 0; i < references.length; i++) distances[i] += (column[row] - column[references[i]]) ** 2
  }
  const order = Array.from(references, (other, i) => ({ other, distance: distances[i] }))
  order.sort((a, b) => a.distance - b.distance)
  return Int32Array.from(order.slice(0, Math.max(...NEIGHBOURS)), ({ other }) => other)
}

/** The one benchmark that follows a target best, by a straight line; another one for each target. */
export function scoreBestProxy(frame: Frame, targets: readonly number[]): readonly MetricScore[] {
  const all = frame.candidates
  const columns = scaled(frame, all)
  return targets.map((target) => {
    const [values] = scaled(frame, [target])
    const rows = presentRows(frame.centred[target], frame.inner)
    let best = { column: columns[0], correlation: 0, slope: 0 }
    all.forEach((metric, i) => {
      if (metric === target) return
      const line = lineOf(columns[i], values, rows)
      if (Math.abs(line.correlation) > Math.abs(best.correlation)) best = { column: columns[i], ...line }
    })
    const unit = 1.4826 * frame.deviations[target]
    return bestOf(frame, target, [(asked) => Float64Array.from(asked, (row) => best.slope * best.column[row] * unit)])
  })
}

function lineOf(
  x: Float64Array,
  y: Float64Array,
  rows: Int32Array,
): { readonly slope: number; readonly correlation: number } {
  let [xx, xy, yy] = [1e-12, 0, 1e-12]
  for (const row of rows) {
    xx += x[row] * x[row]
    xy += x[row] * y[row]
    yy += y[row] * y[row]
  }
  return { slope: xy / xx, correlation: xy / Math.sqrt(xx * yy) }
}

/** Ridge regression of each target on `features`, less the target's own. */
export function scoreRidge(
  frame: Frame,
  features: readonly number[],
  targets: readonly number[],
): readonly MetricScore[] {
  const columns = scaled(frame, features)
  return targets.map((target) => {
    const rows = presentRows(frame.centred[target], frame.inner)
    const [values] = scaled(frame, [target])
    const used = columns.filter((_, i) => features[i] !== target)
    const ones = new Float64Array(values.length).fill(1)
    const design = [ones, ...used]
    const normal = design.map((a) => Float64Array.from([...design, values], (b) => dot(a, b, rows)))
    const unit = 1.4826 * Math.max(frame.deviations[target], 1e-4)
    return bestOf(
      frame,
      target,
      LAMBDAS.map((lambda) => {
        const weights = solve(normal, lambda)
        return (asked) =>
          Float64Array.from(asked, (row) => unit * design.reduce((sum, column, i) => sum + weights[i] * column[row], 0))
      }),
    )
  })
}

function dot(a: Float64Array, b: Float64Array, rows: Int32Array): number {
  let sum = 0
  for (let i = 0; i < rows.length; i++) sum += a[rows[i]] * b[rows[i]]
  return sum
}

/** Gauss elimination of (N + lambda I) w = b, where each row of `normal` ends with b. Positive definite, so that no pivot is needed. */
function solve(normal: readonly Float64Array[], lambda: number): Float64Array {
  const size = normal.length
  const rows = normal.map((row, i) => row.map((value, j) => (i === j ? value + lambda : value)))
  for (let i = 0; i < size; i++) {
    for (let k = i + 1; k < size; k++) {
      const share = rows[k][i] / rows[i][i]
      if (share !== 0) for (let j = i; j <= size; j++) rows[k][j] -= share * rows[i][j]
    }
  }
  const weights = new Float64Array(size)
  for (let i = size - 1; i >= 0; i--) {
    let sum = rows[i][size]
    for (let j = i + 1; j < size; j++) sum -= rows[i][j] * weights[j]
    weights[i] = sum / rows[i][i]
  }
  return weights
}
