/** Regression trees as flat columns: data, never code. */

export interface Forest {
  readonly trees: number
  readonly features: number
  /** What is said before any tree. */
  readonly base: number
  /** First node of each tree. */
  readonly roots: Int32Array
  /** Of each node the feature that it asks; -1: it is a leaf. */
  readonly feature: Int16Array
  /** At most this, or absent: left. Of a leaf: what it adds. */
  readonly value: Float32Array
  readonly left: Int32Array
  readonly right: Int32Array
}

/** What the forest says of each row, into `out`. @param values `[rows x features]`, row by row */
export function predictForest(forest: Forest, values: Float32Array, out: Float32Array): void {
  const { features, base, roots, feature, value, left, right } = forest
  const rows = out.length
  for (let r = 0, at = 0; r < rows; r++, at += features) {
    let sum = base
    for (let t = 0; t < roots.length; t++) {
      let node = roots[t]
      for (let f = feature[node]; f >= 0; f = feature[node]) {
        const x = values[at + f]
        // NaN is not above anything.
        node = x > value[node] ? right[node] : left[node]
      }
      sum += value[node]
    }
    out[r] = sum
  }
}
