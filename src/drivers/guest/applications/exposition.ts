/** The text in which Prometheus exporters tell their metrics: its own format 0.0.4, and OpenMetrics 1.0. Only lines of metrics that somebody
 *  wants are read; a line that is broken is passed over. */

/** Lines of one metric that are read. So many series are no application, but a mistake of one. */
const LINES_MAX = 20_000
const LABELS_MAX = 64

/** Labels of one series, on demand. */
export type LabelOf = (name: string) => string | undefined

/** Visits every sample of `metric`; false if there are too many, and some were not visited: a sum of a part is no sum. Values are as they
 *  stand: NaN and infinities too; timestamps and exemplars are passed over. */
export function visitSamples(text: string, metric: string, visit: (value: number, labelOf: LabelOf) => void): boolean {
  let lines = 0
  for (let at = firstLine(text, metric); at >= 0; at = nextLine(text, metric, at)) {
    if (++lines > LINES_MAX) return false
    const end = endOfLine(text, at)
    const behind = at + metric.length
    const next = text.charCodeAt(behind)
    if (next === BRACE) {
      const labels = readLabels(text, behind + 1, end)
      if (labels === undefined) continue
      const value = readValue(text, labels.end, end)
      if (value !== undefined) visit(value, (name) => labels.pairs.get(name))
    } else if (next === SPACE || next === TAB) {
      const value = readValue(text, behind, end)
      if (value !== undefined) visit(value, noLabel)
    }
  }
  return true
}

/** Whether the page has a sample of that metric at all. */
export function hasMetric(text: string, metric: string): boolean {
  let isThere = false
  visitSamples(text, metric, () => {
    isThere = true
  })
  return isThere
}

const BRACE = 123
const SPACE = 32
const TAB = 9

function noLabel(): undefined {
  return undefined
}

function firstLine(text: string, metric: string): number {
  return text.startsWith(metric) ? 0 : nextLine(text, metric, 0)
}

function nextLine(text: string, metric: string, from: number): number {
  const at = text.indexOf(`\n${metric}`, from)
  return at < 0 ? -1 : at + 1
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/** `name="value", ...}` with \\, \" and \n escaped. Undefined where it is broken. */
function readLabels(
  text: string,
  from: number,
  end: number,
): { readonly pairs: ReadonlyMap<string, string>; readonly end: number } | undefined {
  const pairs = new Map<string, string>()
  let at = skipSpace(text, from, end)
  while (at < end && text[at] !== '}') {
    const equals = text.indexOf('=', at)
    if (equals < 0 || equals >= end || pairs.size >= LABELS_MAX) return undefined
    const name = text.slice(at, equals).trim()
    const quote = skipSpace(text, equals + 1, end)
    const close = closingQuote(text, quote, end)
    if (text[quote] !== '"' || close < 0) return undefined
    pairs.set(name, unescaped(text.slice(quote + 1, close)))
    at = skipSpace(text, close + 1, end)
    if (text[at] === ',') at = skipSpace(text, at + 1, end)
    else if (text[at] !== '}') return undefined
  }
  return at < end ? { pairs, end: at + 1 } : undefined
}

function closingQuote(text: string, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    if (text[at] === '"') return at
    if (text[at] === '\\') at++
  }
  return -1
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)) : text
}

/** The first word: a number as Go writes it. What follows (a timestamp, ` # {...} 1` of an exemplar) is not read. */
function readValue(text: string, from: number, end: number): number | undefined {
  const start = skipSpace(text, from, end)
  let stop = start
  while (stop < end && text[stop] !== ' ' && text[stop] !== '\t' && text[stop] !== '\r') stop++
  const word = text.slice(start, stop)
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word)) return Number(word)
  const lower = word.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (lower === '+inf' || lower === 'inf' || lower === '+infinity') return Infinity
  return lower === '-inf' || lower === '-infinity' ? -Infinity : undefined
}

function skipSpace(text: string, from: number, end: number): number {
  let at = from
  while (at < end && (text[at] === ' ' || text[at] === '\t')) at++
  return at
}
