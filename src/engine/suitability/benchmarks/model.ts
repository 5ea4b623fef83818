import { ParseError, parseFields, parseList, parseNumber, parseText } from '../../../terms/parse.ts'

/** Version of the fitted model's form. A reader refuses others. */
export const BENCHMARK_MODEL_SCHEMA = 1
/** Deepest tree: 3 questions, 8 answers. */
export const TREE_DEPTH = 3
const QUESTIONS = 2 ** TREE_DEPTH - 1
/** Whole numbers of one tree: feature and threshold of each of 7 questions, then 8 answers. */
export const TREE_NUMBERS = QUESTIONS * 2 + QUESTIONS + 1
/** Thresholds and answers are whole numbers of this much natural logarithm: 0.001 %. */
export const LOG_STEP = 1e-5

/** How far a prediction may be off, as differences of natural logarithms, actual less predicted, at four shares of VMs that it had not seen. */
export interface ResidualBand {
  readonly p05: number
  readonly p25: number
  readonly p75: number
  readonly p95: number
}

/** What one metric of the suite is, and how it follows from the chosen ones on one kind of host. */
export interface MetricModel {
  /** Name with unit: `mlc: idle latency (ns)`. */
  readonly name: string
  /** The benchmark whose run gives it: other units of the same run share it. */
  readonly benchmark: string
  /** Median of the group that it was learned from, in the metric's unit. */
  readonly median: number
  /** Boosted trees on the logarithms of the chosen metrics over their medians; none where nothing chosen tells of it. */
  readonly trees: readonly (readonly number[])[]
  /** Of the trees' prediction. */
  readonly band: ResidualBand
  /** Of the group's median in place of a prediction. */
  readonly medianBand: ResidualBand
}

/** Metrics of one kind of host (of one VM size, in the data that it was learned from). */
export interface KindModel {
  readonly kind: string
  readonly metrics: readonly MetricModel[]
}

/** The chosen benchmarks and what they tell of the others. Learned by `npm run bench:benchmarks`; see docs/benchmarks-chosen.md. */
export interface BenchmarkModel {
  readonly schema: typeof BENCHMARK_MODEL_SCHEMA
  /** Whose measurements, under which licence, and what fitted it. */
  readonly provenance: string
  /** Names of the metrics to measure, in the order of what they tell. Features of the trees count from 0 in this order. */
  readonly chosen: readonly string[]
  readonly kinds: readonly KindModel[]
}

/** Reads a fitted model. Throws `ParseError` with the place of what is amiss. */
export function parseBenchmarkModel(value: unknown): BenchmarkModel {
  const fields = parseFields(value, 'model')
  const schema = parseNumber(fields['schema'], 'model.schema')
  if (schema !== BENCHMARK_MODEL_SCHEMA) {
    throw new ParseError(
      'model.schema',
      schema,
      `This version reads schema ${BENCHMARK_MODEL_SCHEMA}: fit the model anew?`,
    )
  }
  const chosen = parseList(fields['chosen'], 'model.chosen').map((name, i) => parseText(name, `model.chosen[${i}]`))
  const kinds = parseList(fields['kinds'], 'model.kinds').map((kind, i) =>
    parseKind(kind, `model.kinds[${i}]`, chosen.length),
  )
  for (const { kind, metrics } of kinds) {
    const names = new Set(metrics.map(({ name }) => name))
    const lacking = chosen.find((name) => !names.has(name))
    if (lacking !== undefined) throw new ParseError(`model.kinds of ${kind}`, lacking, 'Expected every chosen metric.')
    if (names.size !== metrics.length)
      throw new ParseError(`model.kinds of ${kind}`, names.size, 'A name stands twice.')
  }
  return { schema, provenance: parseText(fields['provenance'], 'model.provenance'), chosen, kinds }
}

function parseKind(value: unknown, place: string, features: number): KindModel {
  const fields = parseFields(value, place)
  return {
    kind: parseText(fields['kind'], `${place}.kind`),
    metrics: parseList(fields['metrics'], `${place}.metrics`).map((metric, i) =>
      parseMetric(metric, `${place}.metrics[${i}]`, features),
    ),
  }
}

function parseMetric(value: unknown, place: string, features: number): MetricModel {
  const fields = parseFields(value, place)
  const median = parseNumber(fields['median'], `${place}.median`)
  if (!(median > 0)) throw new ParseError(`${place}.median`, median, 'Expected more than 0.')
  return {
    name: parseText(fields['name'], `${place}.name`),
    benchmark: parseText(fields['benchmark'], `${place}.benchmark`),
    median,
    trees: parseList(fields['trees'], `${place}.trees`).map((tree, i) =>
      parseTree(tree, `${place}.trees[${i}]`, features),
    ),
    band: parseBand(fields['band'], `${place}.band`),
    medianBand: parseBand(fields['medianBand'], `${place}.medianBand`),
  }
}

function parseTree(value: unknown, place: string, features: number): readonly number[] {
  const numbers = parseList(value, place).map((number, i) => parseNumber(number, `${place}[${i}]`))
  if (numbers.length !== TREE_NUMBERS || !numbers.every(Number.isSafeInteger)) {
    throw new ParseError(place, numbers.length, `Expected ${TREE_NUMBERS} whole numbers.`)
  }
  for (let i = 0; i < QUESTIONS; i++) {
    const feature = numbers[2 * i]
    if (feature < 0 || feature >= features) {
      throw new ParseError(`${place}[${2 * i}]`, feature, `Expected a feature below ${features}.`)
    }
  }
  return numbers
}

function parseBand(value: unknown, place: string): ResidualBand {
  const fields = parseFields(value, place)
  const band = {
    p05: parseNumber(fields['p05'], `${place}.p05`),
    p25: parseNumber(fields['p25'], `${place}.p25`),
    p75: parseNumber(fields['p75'], `${place}.p75`),
    p95: parseNumber(fields['p95'], `${place}.p95`),
  }
  const isOrdered = band.p05 <= band.p25 && band.p25 <= band.p75 && band.p75 <= band.p95
  if (!isOrdered) throw new ParseError(place, band.p95, 'Expected quantiles that do not fall.')
  return band
}
