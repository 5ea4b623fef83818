import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERRORS, SHAPES } from '../../src/drivers/host-power/estimate.ts'
import { POWER_TABLE } from '../../src/drivers/host-power/specpower-table.ts'
import { findDataFolder } from '../../src/drivers/traces/data-folder.ts'
import { REPOSITORY } from '../repository.ts'
import { errorsOf, shapesOf, tableOf } from './measure.ts'
import { hasResults, quantileOf, readCurves, readResults } from './results.ts'

const folder = join(findDataFolder() ?? '/nowhere', 'specpower')
const skip = hasResults(folder) ? false : 'set ETHOS_DATA to a directory that holds specpower/'
const thousandth = (share: number) => Math.round(share * 1000) / 1000

test('needs-data: the table that we ship is the one that the results give', { skip }, () => {
  assert.deepEqual(POWER_TABLE, tableOf(readResults(folder)))
})

test('needs-data: estimates err as we tell people', { skip }, () => {
  for (const { match, idle, full } of errorsOf(readResults(folder)))
    assert.deepEqual({ idle: thousandth(idle.median), full: thousandth(full.median) }, ERRORS[match], match)
})

test('needs-data: the shapes of curves are those of the published ones', { skip }, () => {
  const shapes = shapesOf(readCurves(folder))
  assert.deepEqual(
    shapes.map(({ since, shares }) => ({ since, shares })),
    SHAPES,
  )
})

test('the page on measuring hosts tells the same errors', () => {
  const page = readFileSync(join(REPOSITORY, 'docs/bench-host.md'), 'utf8')
  for (const [match, { idle, full }] of Object.entries(ERRORS)) {
    const row = new RegExp(
      `^\\| ${match} \\| \\d+ \\| (?<idle>[\\d.]+) % \\| [\\d.]+ % \\| (?<full>[\\d.]+) % `,
      'm',
    ).exec(page)
    assert.deepEqual({ ...row?.groups }, { idle: (idle * 100).toFixed(1), full: (full * 100).toFixed(1) }, match)
  }
})

test('the table has servers of all decades, and watts that rise', () => {
  assert.ok(POWER_TABLE.length > 300)
  assert.ok(
    POWER_TABLE.every(
      ({ idleWattsPerChip, fullWattsPerChip }) => idleWattsPerChip > 0 && fullWattsPerChip > idleWattsPerChip,
    ),
  )
  assert.ok(POWER_TABLE.some(({ year }) => year <= 2008) && POWER_TABLE.some(({ year }) => year >= 2025))
})

test('a quantile lies between its neighbours', () => {
  // Of 1, 2, 3, 4: position 0.9 x 3 = 2.7, between 3 and 4.
  assert.equal(quantileOf([4, 2, 3, 1], 0.9), 3.7)
})
