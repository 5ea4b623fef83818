/** How good clusters are. */

/** Mean silhouette (Rousseeuw 1987) of a sample of at most 600 points: how much nearer each is to its own cluster than to the next. */
export function silhouette(points: readonly (readonly number[])[], labels: readonly number[]): number {
  const step = Math.max(1, Math.floor(points.length / 600))
  const chosen = points.map((_, i) => i).filter((i) => i % step === 0)
  let sum = 0
  for (const i of chosen) {
    const totals = new Map<number, { sum: number; count: number }>()
    for (const k of chosen) {
      if (k === i) continue
      const total = totals.get(labels[k]) ?? { sum: 0, count: 0 }
      total.sum += distance(points[i], points[k])
      total.count++
      totals.set(labels[k], total)
    }
    const own = totals.get(labels[i])
    const others = [...totals].filter(([label]) => label !== labels[i]).map(([, total]) => total.sum / total.count)
    if (own === undefined || others.length === 0) continue
    const inside = own.sum / own.count
    const outside = Math.min(...others)
    sum += (outside - inside) / Math.max(inside, outside)
  }
  return sum / chosen.length
}

/** Adjusted Rand index (Hubert and Arabie 1985) of two labellings of the same things: 1 the same, 0 as by chance. */
export function agreement(pairs: readonly (readonly [number, number])[]): number {
  const cells = new Map<string, number>()
  const rows = new Map<number, number>()
  const columns = new Map<number, number>()
  for (const [a, b] of pairs) {
    cells.set(`${a},${b}`, (cells.get(`${a},${b}`) ?? 0) + 1)
    rows.set(a, (rows.get(a) ?? 0) + 1)
    columns.set(b, (columns.get(b) ?? 0) + 1)
  }
  const all = (pairs.length * (pairs.length - 1)) / 2
  const expected = (choose2(rows.values()) * choose2(columns.values())) / all
  const most = (choose2(rows.values()) + choose2(columns.values())) / 2
  return most === expected ? 1 : (choose2(cells.values()) - expected) / (most - expected)
}

/** Intraclass correlation of groups of one length: the share of the variance that lies between groups, 1 where each is constant. */
export function intraclass(groups: readonly (readonly number[])[]): number {
  const size = groups[0].length
  const means = groups.map((group) => group.reduce((sum, value) => sum + value, 0) / size)
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  const between = (size * means.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / (groups.length - 1)
  const squares = groups.reduce(
    (sum, group, i) => sum + group.reduce((all, value) => all + (value - means[i]) ** 2, 0),
    0,
  )
  const within = squares / (groups.length * (size - 1))
  return (between - within) / (between + (size - 1) * within)
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0))
}

/** Pairs that can be drawn of each count, in all. */
function choose2(counts: Iterable<number>): number {
  return [...counts].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0)
}
