/** The small form of `npm run bench:page`: everything is walked through once. What it took says nothing, and what is drawn and sent says much. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { HOUR_MS } from '../../../src/terms/units.ts'
import { buildWebIfStale } from '../../build-web.ts'
import { whyNoBrowser } from '../page-bench.ts'
import { pageSizes, SCRIPT_BYTES_MAX, sizesText } from '../page-sizes.ts'
import { measurePage, type PageFigures } from './measure.ts'
import { goalsOf, pageText } from './report.ts'

const skip = whyNoBrowser
const SIZE = { hosts: 12, vms: 120, pastMs: HOUR_MS }
/** What fits on 900 px at 30 px a row, four more on either side, and the head. */
const ROWS_MAX = 40

before(() => {
  const built = buildWebIfStale()
  if (built.kind === 'failed') throw new Error(built.output)
})

test('no page of the dashboard asks for more than 120 kB of JavaScript, gzipped', () => {
  const sizes = pageSizes()
  assert.equal(sizes.pages.length, 10)
  for (const { page, firstBytes } of sizes.pages) assert.ok(firstBytes <= SCRIPT_BYTES_MAX, `${page}: ${firstBytes} B`)
  // What a page shares with another is counted once in all of them, and no more than all is asked for by any.
  assert.ok(sizes.pages.reduce((sum, { ownBytes }) => sum + ownBytes, 0) < sizes.totalBytes)
  assert.ok(sizes.pages.every(({ firstBytes, ownBytes }) => ownBytes < firstBytes && firstBytes < sizes.totalBytes))
  assert.match(sizesText(sizes), /^Policy +\d+\.\d +\d+\.\d +\d+$/m)
})

test('whatever one does on long lists, those rows are drawn that are in sight', { skip }, async () => {
  const figures = await measurePage({ ...SIZE, times: 1, say: () => undefined })
  const rowsAfter = (what: string): number | undefined =>
    figures.interactions.find((interaction) => interaction.what === what)?.rows
  for (const { what, rows } of figures.interactions) assert.ok(rows <= ROWS_MAX, `${what}: ${rows} rows`)
  // The head, and the one whose name ends so.
  assert.equal(rowsAfter('hosts: filter by name'), 2)
  assert.equal(rowsAfter('VMs: filter by name'), 2)
  assert.equal(rowsAfter('hosts for a VM: filter by name'), 2)
  // All 12 hosts, and the head.
  assert.equal(rowsAfter('cluster: sort by host'), 13)
  assert.ok((rowsAfter('VMs: scroll') ?? 0) > 13)
  assert.equal(figures.interactions.length, 29)
  assert.ok(figures.wire.script > 0 && figures.wire.script <= SCRIPT_BYTES_MAX, `${figures.wire.script} B`)
  assertReported(figures)
})

function assertReported(figures: PageFigures): void {
  const about = { commit: 'none', at: '2026-01-01', cpu: 'any', cores: 2, node: '24', busyBefore: 0, seconds: 1 }
  const text = pageText({ about, sizes: pageSizes(), measured: [figures] })
  assert.doesNotMatch(text, /NaN|undefined|Infinity/)
  assert.equal(goalsOf(about, pageSizes(), [figures]).length, 4)
  assert.equal(goalsOf({ ...about, buildSec: 21 }, pageSizes(), [figures]).at(-1)?.isMet, false)
  const { first, most } = figures.memory
  assert.ok(first.heapMiB > 0 && most.ownMiB >= first.ownMiB && most.residentMiB > most.ownMiB)
  assert.ok(figures.firstPaintMs.least > 0 && figures.listMs.least >= figures.firstPaintMs.least)
}
