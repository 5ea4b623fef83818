/** Gradient-boosted trees for a quantile: histograms over bins, leaf by leaf (Ke et al., LightGBM, NIPS 2017), each leaf the weighted quantile of what is left
 *  in it (Friedman, Greedy function approximation, 2001). The same rows and seed give the same forest. */
import { Luck } from '../../../terms/luck.ts'
import type { BinnedRows } from './bins.ts'
import { BINS } from './bins.ts'
import type { Forest } from './forest.ts'

export interface TrainOptions {
  /** Which quantile, between 0 and 1. */
  readonly quantile: number
  readonly trees: number
  /** Of a tree, at most. */
  readonly leaves: number
  readonly learningRate: number
  readonly rowsPerLeafMin: number
  /** Of rows and features that a tree sees. */
  readonly rowShare: number
  readonly featureShare: number
  readonly seed: number
}

interface Leaf {
  readonly node: number
  readonly from: number
  readonly to: number
  readonly histogram: Float64Array
  readonly split: Split | undefined
}

interface Split {
  readonly gain: number
  readonly feature: number
  /** Bins up to it go left. */
  readonly bin: number
}

/** @param targets of each row
 *  @param weights of each row */
export function trainForest(
  rows: BinnedRows,
  { targets, weights }: { readonly targets: Float32Array; readonly weights: Float32Array },
  options: TrainOptions,
): Forest {
  return new Trainer(rows, targets, weights, options).train()
}

class Trainer {
  private readonly rows: BinnedRows
  private readonly weights: Float32Array
  private readonly options: TrainOptions
  private readonly luck: Luck
  private readonly residuals: Float32Array
  private readonly base: number
  /** Rows in the order of their leaves. */
  private order: Int32Array
  private scratch: Int32Array
  private features: readonly number[] = []
  private readonly nodes = {
    feature: [] as number[],
    value: [] as number[],
    left: [] as number[],
    right: [] as number[],
  }

  constructor(rows: BinnedRows, targets: Float32Array, weights: Float32Array, options: TrainOptions) {
    this.rows = rows
    this.weights = weights
    this.options = options
    this.luck = new Luck(options.seed)
    this.order = Int32Array.from(targets, (_, r) => r)
    this.scratch = new Int32Array(targets.length)
    this.base = weightedQuantile(targets, weights, this.order, options.quantile)
    this.residuals = targets.map((target) => target - this.base)
  }

  train(): Forest {
    const roots: number[] = []
    for (let t = 0; t < this.options.trees; t++) roots.push(this.growTree())
    const { feature, value, left, right } = this.nodes
    return {
      trees: roots.length,
      features: this.rows.features,
      base: this.base,
      roots: Int32Array.from(roots),
      feature: Int16Array.from(feature),
      value: Float32Array.from(value),
      left: Int32Array.from(left),
      right: Int32Array.from(right),
    }
  }

  private growTree(): number {
    const seen = this.drawRows()
    this.features = this.drawFeatures()
    const root = this.newNode()
    const leaves = [this.leafOf(root, 0, seen)]
    while (leaves.length < this.options.leaves) {
      const best = leaves.reduce((a, b) => ((b.split?.gain ?? 0) > (a.split?.gain ?? 0) ? b : a))
      if (best.split === undefined) break
      leaves.splice(leaves.indexOf(best), 1, ...this.split(best, best.split))
    }
    for (const leaf of leaves) this.settle(leaf)
    this.subtract(root)
    return root
  }

  private settle({ node, from, to }: Leaf): void {
    const { quantile, learningRate } = this.options
    const rows = this.order.subarray(from, to)
    this.nodes.value[node] = learningRate * weightedQuantile(this.residuals, this.weights, rows, quantile)
  }

  /** All rows, those too that the tree has not seen. */
  private subtract(root: number): void {
    const { bins, rows, cuts } = this.rows
    const { feature, value, left, right } = this.nodes
    // Thresholds are cuts: a bin is asked by its place.
    const binAt = feature.slice(root).map((f, n) => (f < 0 ? 0 : cuts[f].indexOf(value[root + n]) + 1))
    for (let r = 0; r < rows; r++) {
      let node = root
      for (let f = feature[node]; f >= 0; f = feature[node])
        node = bins[f * rows + r] > binAt[node - root] ? right[node] : left[node]
      this.residuals[r] -= value[node]
    }
  }

  private split(leaf: Leaf, { feature, bin }: Split): readonly [Leaf, Leaf] {
    const middle = this.partition(leaf, feature, bin)
    const [left, right] = [this.newNode(), this.newNode()]
    const { nodes } = this
    nodes.feature[leaf.node] = feature
    nodes.value[leaf.node] = bin === 0 ? -Infinity : this.rows.cuts[feature][bin - 1]
    nodes.left[leaf.node] = left
    nodes.right[leaf.node] = right
    // The smaller side is counted, the other is what is left of their parent.
    const isLeftSmall = middle - leaf.from <= leaf.to - middle
    const small = isLeftSmall ? this.count(leaf.from, middle) : this.count(middle, leaf.to)
    const large = leaf.histogram
    for (let i = 0; i < large.length; i++) large[i] -= small[i]
    return [
      this.leafOf(left, leaf.from, middle, isLeftSmall ? small : large),
      this.leafOf(right, middle, leaf.to, isLeftSmall ? large : small),
    ]
  }

  private partition({ from, to }: Leaf, feature: number, bin: number): number {
    const { bins, rows } = this.rows
    const column = feature * rows
    let middle = from
    let kept = 0
    for (let i = from; i < to; i++) {
      const r = this.order[i]
      if (bins[column + r] <= bin) this.order[middle++] = r
      else this.scratch[kept++] = r
    }
    this.order.set(this.scratch.subarray(0, kept), middle)
    return middle
  }

  private leafOf(node: number, from: number, to: number, histogram = this.count(from, to)): Leaf {
    return { node, from, to, histogram, split: this.bestSplit(histogram, to - from) }
  }

  /** Of each bin of each feature that the tree sees: rows, weight, gradient. */
  private count(from: number, to: number): Float64Array {
    const { bins, rows } = this.rows
    const { quantile } = this.options
    const { order, residuals, weights, features } = this
    const histogram = new Float64Array(features.length * BINS * 3)
    const size = to - from
    const gradient = new Float64Array(size)
    const weight = new Float64Array(size)
    for (let i = 0; i < size; i++) {
      const r = order[from + i]
      weight[i] = weights[r]
      gradient[i] = weights[r] * (residuals[r] > 0 ? quantile : quantile - 1)
    }
    features.forEach((f, k) => {
      const column = f * rows
      const base = k * BINS * 3
      for (let i = 0; i < size; i++) {
        const at = base + bins[column + order[from + i]] * 3
        histogram[at]++
        histogram[at + 1] += weight[i]
        histogram[at + 2] += gradient[i]
      }
    })
    return histogram
  }

  private bestSplit(histogram: Float64Array, size: number): Split | undefined {
    const { rowsPerLeafMin } = this.options
    if (size < 2 * rowsPerLeafMin) return undefined
    let best: Split | undefined
    let [weight, gradient] = [0, 0]
    for (let b = 0; b < BINS; b++) {
      weight += histogram[b * 3 + 1]
      gradient += histogram[b * 3 + 2]
    }
    const asIs = (gradient * gradient) / weight
    this.features.forEach((feature, k) => {
      let [n, w, g] = [0, 0, 0]
      for (let bin = 0; bin < BINS - 1; bin++) {
        const at = (k * BINS + bin) * 3
        n += histogram[at]
        w += histogram[at + 1]
        g += histogram[at + 2]
        if (n < rowsPerLeafMin) continue
        if (size - n < rowsPerLeafMin) break
        const gain = (g * g) / w + ((gradient - g) * (gradient - g)) / (weight - w) - asIs
        if (gain > (best?.gain ?? 1e-9)) best = { gain, feature, bin }
      }
    })
    return best
  }

  /** The first rows of the order are those that the tree sees. Returns how many. */
  private drawRows(): number {
    const { order } = this
    const wanted = Math.max(1, Math.round(order.length * this.options.rowShare))
    if (wanted === order.length) return wanted
    for (let i = 0; i < wanted; i++) {
      const j = i + this.luck.below(order.length - i)
      const r = order[i]
      order[i] = order[j]
      order[j] = r
    }
    return wanted
  }

  private drawFeatures(): readonly number[] {
    const { features } = this.rows
    const all = Array.from({ length: features }, (_, f) => f)
    const wanted = Math.max(1, Math.round(features * this.options.featureShare))
    for (let i = 0; i < wanted; i++) {
      const j = i + this.luck.below(features - i)
      ;[all[i], all[j]] = [all[j], all[i]]
    }
    return all.slice(0, wanted).sort((a, b) => a - b)
  }

  private newNode(): number {
    const { feature, value, left, right } = this.nodes
    feature.push(-1)
    value.push(0)
    left.push(-1)
    right.push(-1)
    return feature.length - 1
  }
}

/** The least value that so much of the weight does not exceed. */
export function weightedQuantile(
  values: Float32Array,
  weights: Float32Array,
  rows: Int32Array,
  quantile: number,
): number {
  const sorted = Float64Array.from(rows, (r) => r).sort((a, b) => values[a] - values[b])
  let total = 0
  for (const r of sorted) total += weights[r]
  let sum = 0
  for (const r of sorted) {
    sum += weights[r]
    if (sum >= quantile * total) return values[r]
  }
  return sorted.length === 0 ? 0 : values[sorted[sorted.length - 1]]
}
