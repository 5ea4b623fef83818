import { ParseError } from '../../../terms/parse.ts'

/** Which series of a metric are meant: those that have all these labels so, or not so. */
export interface Selector {
  readonly metric: string
  readonly labels: readonly { readonly name: string; readonly value: string; readonly isEqual: boolean }[]
}

const SELECTORS_MAX = 16
const LABELS_MAX = 8
const METRIC = /[a-zA-Z_:][\w:.]*/y
const LABEL = /\s*([a-zA-Z_][\w.]*)\s*(=|!=)\s*"((?:[^"\\]|\\.)*)"\s*(,|\})/y

/** `http_requests_total{code="200", handler!="/metrics"} + other_total`: as PromQL writes them, equality only. Throws `ParseError`. */
export function parseSelectors(text: string, place: string): readonly Selector[] {
  const selectors: Selector[] = []
  const refuse = (): never => {
    throw new ParseError(place, text, 'Expected metrics such as name{label="value", other!="value"} joined by +.')
  }
  for (let at = 0; ; ) {
    METRIC.lastIndex = skipSpace(text, at)
    const metric = METRIC.exec(text)?.[0] ?? refuse()
    at = METRIC.lastIndex
    const labels: Selector['labels'][number][] = []
    if (text[at] === '{') {
      for (let isOpen = true, from = at + 1; isOpen; ) {
        LABEL.lastIndex = from
        const match = LABEL.exec(text) ?? refuse()
        labels.push({
          name: match[1],
          isEqual: match[2] === '=',
          value: match[3].replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)),
        })
        from = LABEL.lastIndex
        at = from
        isOpen = match[4] === ','
      }
    }
    selectors.push({ metric, labels })
    at = skipSpace(text, at)
    if (labels.length > LABELS_MAX || selectors.length > SELECTORS_MAX) refuse()
    if (at === text.length) return selectors
    if (text[at] !== '+') refuse()
    at++
  }
}

/** Whether a series is meant, by its labels. A label that a series lacks is the empty text, as in PromQL. */
export function isSelected(selector: Selector, labelOf: (name: string) => string | undefined): boolean {
  return selector.labels.every(({ name, value, isEqual }) => ((labelOf(name) ?? '') === value) === isEqual)
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
