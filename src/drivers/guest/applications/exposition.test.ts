import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { visitSamples } from './exposition.ts'
import { readMapped } from './prometheus.ts'
import { parseSelectors } from './selector.ts'

function samples(text: string, metric: string, ...labels: readonly string[]): readonly unknown[] {
  const found: unknown[] = []
  visitSamples(text, metric, (value, labelOf) => void found.push([value, ...labels.map(labelOf)]))
  return found
}

test('values, labels, escapes, timestamps and exemplars are read as they are written', () => {
  const page = [
    '# HELP up is up 1',
    '# TYPE up gauge',
    'up 1',
    'up_other 99',
    'up{path="C:\\\\dir\\n", quote="say \\"hi\\", {ok}",} 2.5e3 1700000000000',
    'up { a = "b" } 3',
    'up\t4',
    'up{a="x"} +Inf',
    'up{a="x"} NaN',
    'up{a="x"} -inf # {trace_id="KOO5S4vxi0o"} 0.67 1.1',
    'up_bucket{le="0.1"} 8 # {trace_id="{}"} 0.054',
    '# EOF',
    '',
  ].join('\n')
  assert.deepEqual(samples(page, 'up', 'path', 'quote'), [
    [1, undefined, undefined],
    [2500, 'C:\\dir\n', 'say "hi", {ok}'],
    [4, undefined, undefined],
    [Infinity, undefined, undefined],
    [Number.NaN, undefined, undefined],
    [-Infinity, undefined, undefined],
  ])
  assert.deepEqual(samples(page, 'up_bucket', 'le'), [[8, '0.1']])
})

test('broken lines are passed over, and the next line is read', () => {
  const broken = [
    'up{a="b',
    'up{a=b} 1',
    'up{="b"',
    'up',
    'up ',
    'up x',
    'up 0x10',
    'up{a="b"}',
    'up 1_000',
    'up{a="b"c="d"} 1',
  ]
  for (const line of broken) assert.deepEqual(samples(`${line}\nup 7\n`, 'up'), [[7]], line)
})

test('any text is read without an error', () => {
  const pieces = fc.constantFrom('up', '{', '}', '"', '\\', 'a', '=', ',', ' ', '\n', '1', '#', 'NaN', '\0', 'é')
  checkProperty(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      for (const [value] of samples(parts.join(''), 'up') as readonly [number][]) assert.equal(typeof value, 'number')
    }),
    { runs: 2000 },
  )
})

const PAGE = `
requests_total{method="GET",code="200"} 70
requests_total{method="GET",code="500"} 10
requests_total{method="POST",code="200"} 20
seconds_sum 12.5
seconds_count 50
hits 30
misses 10
waited_seconds_total 3
share 0.25
over 1.5
`
const select = (text: string) => parseSelectors(text, 'here')
const requests = (text: string) => readMapped(PAGE, { requests: select(text) }).requests

test('a mapping sums series by their labels', () => {
  const counts = readMapped(PAGE, {
    requests: select('requests_total'),
    latency: select('seconds'),
    reads: select('requests_total{method="GET"}'),
    cacheHits: select('hits'),
    cacheMisses: select('misses'),
    lockWaitSeconds: select('waited_seconds_total'),
    readShare: select('over'),
    cacheHitShare: select('share'),
  })
  assert.deepEqual(counts, {
    requests: 100, // 70 + 10 + 20
    timedRequests: 50,
    timedMs: 12_500,
    reads: 80, // 70 + 10
    classified: 100,
    cacheHits: 30,
    cacheLookups: 40, // 30 + 10
    lockWaitMs: 3000,
    // 1.5 is no share, and thereby absent.
    levels: { cacheHitShare: 0.25 },
  })
})

test('selectors: not equal, several joined, a label that no series has', () => {
  assert.equal(requests('requests_total{code!="500"}'), 90) // 70 + 20
  assert.equal(requests('requests_total{method="GET", code="200"} + hits'), 100) // 70 + 30
  // The metric is there, these labels are not yet: none so far.
  assert.equal(requests('requests_total{method="PUT"}'), 0)
  // The metric is not there: nobody knows.
  assert.equal(requests('unknown_total'), undefined)
  for (const wrong of ['', 'a b', 'a{', 'a{b}', 'a{b="c"', 'a{b=~"c"}', 'a +', '+ a', '{a="b"}'])
    assert.throws(() => select(wrong), /here/, wrong)
})

test('a number that is none makes its measure absent', () => {
  assert.equal(readMapped('x{a="1"} 5\nx{a="2"} NaN\n', { requests: select('x') }).requests, undefined)
  assert.equal(readMapped('x{a="1"} 5\nx{a="2"} +Inf\n', { requests: select('x') }).requests, undefined)
})

const lines = (count: number): string => Array.from({ length: count }, (_, i) => `hits{i="${i}"} 1\n`).join('')

test('more lines of a metric than are read make its sum absent: a part is no sum', () => {
  const mapping = { requests: parseSelectors('hits', 'here') }
  assert.equal(readMapped(lines(20_000), mapping).requests, 20_000)
  assert.equal(readMapped(lines(20_001), mapping).requests, undefined)
})
