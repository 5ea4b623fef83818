/** Gradient boosted regression trees for the absolute error, on binned features: Friedman, Greedy Function Approximation, Annals of Statistics
 *  29(5), 2001, algorithm 3 (LAD_TreeBoost): splits follow the sign of the residual, leaves hold its median. Trees come out in the form that
 *  src/engine/suitability/benchmarks reads. */
import { LOG_STEP, TREE_DEPTH } from '../../src/engine/suitability/benchmarks/model.ts'

const BINS = 32
/** A threshold above every value: e^100 times the median. */
const BEYOND_STEPS = 10_000_000
const QUESTIONS = 2 ** TREE_DEPTH - 1

/** A feature as bin numbers of all rows; bin b holds what is at most `edges[b]`, the last bin what is above them all. */
export interface BinnedFeature {
  readonly bins: Uint8Array
  readonly edges: readonly number[]
}

export interface BoostSettings {
  readonly trees: number
  /** Share of a leaf's median that is taken at once. */
  readonly rate: number
  readonly leafRowsMin: number
}

/** Edges are quantiles of the training rows, whole steps of the model, so that the shipped trees ask exactly what was learned. */
export function binFeature(values: Float64Array, trainRows: Int32Array): BinnedFeature {
  const sorted = Float64Array.from(trainRows, (row) => (Number.isNaN(values[row]) ? 0 : values[row])).sort()
  const edges: number[] = []
  for (let b = 1; b < BINS; b++) {
    const edge = Math.round(sorted[Math.floor((b * sorted.length) / BINS)] / LOG_STEP)
    if (edges.length === 0 || edge > edges[edges.length - 1]) edges.push(edge)
  }
  const bins = Uint8Array.from(values, (value) => {
    const step = Number.isNaN(value) ? 0 : Math.round(value / LOG_STEP)
    const bin = edges.findIndex((edge) => step <= edge)
    return bin < 0 ? edges.length : bin
  })
  return { bins, edges }
}

/** Trees that lower the absolute error on `rows`, one after the other. `residuals` is of all rows and is lowered by what the trees say, on held-out
 *  rows as well; `afterEach` is told the number of trees so far. */
export function boost(
  features: readonly BinnedFeature[],
  residuals: Float64Array,
  rows: Int32Array,
  settings: BoostSettings,
  afterEach: (trees: number) => void = () => {},
): readonly (readonly number[])[] {
  const trees: (readonly number[])[] = []
  const all = Int32Array.from({ length: residuals.length }, (_, row) => row)
  for (let i = 0; i < settings.trees; i++) {
    const tree = growTree(features, residuals, rows, settings)
    applyTree(features, tree, all, residuals)
    trees.push(tree)
    afterEach(trees.length)
  }
  return trees
}

function growTree(
  features: readonly BinnedFeature[],
  residuals: Float64Array,
  rows: Int32Array,
  { rate, leafRowsMin }: BoostSettings,
): readonly number[] {
  const numbers: number[] = Array.from({ length: QUESTIONS * 2 + QUESTIONS + 1 }, () => 0)
  const grow = (node: number, members: Int32Array): void => {
    if (node >= QUESTIONS) {
      numbers[QUESTIONS * 2 + node - QUESTIONS] = Math.round((rate * medianOf(members, residuals)) / LOG_STEP)
      return
    }
    const split = bestSplit(features, residuals, members, leafRowsMin)
    // No question is worth asking: everybody goes left, and right holds the same answer, for values never seen.
    const question = split ?? { feature: 0, bin: features[0].edges.length }
    numbers[2 * node] = question.feature
    numbers[2 * node + 1] = features[question.feature].edges[question.bin] ?? BEYOND_STEPS
    const { bins } = features[question.feature]
    const { left, right } = partition(members, bins, question.bin)
    grow(2 * node + 1, left)
    grow(2 * node + 2, right)
  }
  grow(0, rows)
  return numbers
}

function partition(
  members: Int32Array,
  bins: Uint8Array,
  bin: number,
): { readonly left: Int32Array; readonly right: Int32Array } {
  const sorted = new Int32Array(members.length)
  let left = 0
  let right = members.length
  for (let i = 0; i < members.length; i++) {
    const row = members[i]
    if (bins[row] <= bin) sorted[left++] = row
    else sorted[--right] = row
  }
  return { left: sorted.subarray(0, left), right: sorted.subarray(left) }
}

/** The question whose two sides differ most in which way the residuals point. */
function bestSplit(
  features: readonly BinnedFeature[],
  residuals: Float64Array,
  members: Int32Array,
  leafRowsMin: number,
): { readonly feature: number; readonly bin: number } | undefined {
  if (members.length < 2 * leafRowsMin) return undefined
  let best: { readonly feature: number; readonly bin: number } | undefined
  let bestGain = 1e-9
  const count = new Int32Array(BINS + 1)
  const sum = new Int32Array(BINS + 1)
  const signs = new Int8Array(members.length)
  let total = 0
  for (let i = 0; i < members.length; i++) {
    signs[i] = Math.sign(residuals[members[i]])
    total += signs[i]
  }
  const unsplit = (total * total) / members.length
  for (let feature = 0; feature < features.length; feature++) {
    const { bins, edges } = features[feature]
    count.fill(0)
    sum.fill(0)
    for (let i = 0; i < members.length; i++) {
      const bin = bins[members[i]]
      count[bin]++
      sum[bin] += signs[i]
    }
    let leftCount = 0
    let leftSum = 0
    for (let bin = 0; bin < edges.length; bin++) {
      leftCount += count[bin]
      leftSum += sum[bin]
      const rightCount = members.length - leftCount
      if (leftCount < leafRowsMin || rightCount < leafRowsMin) continue
      const rightSum = total - leftSum
      const gain = (leftSum * leftSum) / leftCount + (rightSum * rightSum) / rightCount - unsplit
      if (gain > bestGain) {
        bestGain = gain
        best = { feature, bin }
      }
    }
  }
  return best
}

/** Takes what one tree says off the residuals of `rows`. */
function applyTree(
  features: readonly BinnedFeature[],
  numbers: readonly number[],
  rows: Int32Array,
  residuals: Float64Array,
): void {
  // A question's threshold as a bin, so that rows need no search.
  const bin = Array.from({ length: QUESTIONS }, (_, node) => {
    const at = features[numbers[2 * node]].edges.indexOf(numbers[2 * node + 1])
    return at < 0 ? BINS : at
  })
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    let node = 0
    while (node < QUESTIONS) node = features[numbers[2 * node]].bins[row] <= bin[node] ? 2 * node + 1 : 2 * node + 2
    residuals[row] -= numbers[QUESTIONS * 2 + node - QUESTIONS] * LOG_STEP
  }
}

function medianOf(rows: Int32Array, values: Float64Array): number {
  if (rows.length === 0) return 0
  const picked = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) picked[i] = values[rows[i]]
  return selectNth(picked, picked.length >> 1)
}

/** The value that would stand at `nth` if `values` were sorted; reorders them so that none before it is larger. Hoare's FIND, CACM 4(7), 1961. */
export function selectNth(values: Float64Array, nth: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]
    let i = low
    let j = high
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i <= j) {
        const kept = values[i]
        values[i++] = values[j]
        values[j--] = kept
      }
    }
    if (nth <= j) high = j
    else if (nth >= i) low = i
    else break
  }
  return values[nth]
}

/** The median, reordering `values`: of an even number, the mean of the two in the middle. NaN of none. */
export function medianInPlace(values: Float64Array): number {
  if (values.length === 0) return Number.NaN
  const upper = selectNth(values, values.length >> 1)
  if (values.length % 2 === 1) return upper
  let lower = -Infinity
  for (let i = 0; i < values.length >> 1; i++) if (values[i] > lower) lower = values[i]
  return (lower + upper) / 2
}
