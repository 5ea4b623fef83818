/** A backtest from the form to its end: the scoreboard has the figures that the API tells, and both futures are drawn. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  BacktestLoadsView,
  BacktestRow,
  BacktestSummary,
  BacktestView,
} from '../../../src/apps/server/views/backtests.ts'
import { spanText } from '../../../src/terms/shown.ts'
import { GiB, HOUR_MS } from '../../../src/terms/units.ts'
import { on, skip, until } from './stage.ts'

/** Those that take least to replay. */
const POLICIES = ['none', 'thr-mmt']
const SPAN_MS = 6 * HOUR_MS

test('a backtest of two policies over six hours ends, and its scoreboard is that of the API, with both futures drawn', {
  skip,
}, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/backtest`)
  const ask = page.locator('details').filter({ has: page.getByText('Run another', { exact: true }) })
  await ask.waitFor()
  // It stands open where nobody has run one yet.
  await page.getByText('Asking for earlier runs.').waitFor({ state: 'detached' })
  if ((await ask.getAttribute('open')) === null) await ask.getByText('Run another', { exact: true }).click()
  const form = ask.locator('form')
  await form.getByRole('button', { name: '6 h', exact: true }).click()
  const choices = form.getByRole('checkbox')
  for (const choice of await choices.all()) await choice.uncheck()
  for (const policy of POLICIES) await form.getByRole('checkbox', { name: policy, exact: true }).check()
  await form.getByRole('button', { name: 'Run it' }).click()
  const board = page.getByRole('table', { name: 'Scoreboard' })
  await board.waitFor()

  const { backtests } = await bench.ask<{ backtests: readonly BacktestSummary[] }>('/v1/backtests')
  const [{ id, state, policies, from = 0, to = 0 }] = backtests
  assert.deepEqual([state, policies, to - from], ['done', POLICIES, SPAN_MS])
  assert.equal(new URL(page.url()).searchParams.get('id'), id)
  const { run, series } = await bench.ask<BacktestView>(`/v1/backtests/${id}`)
  assert.ok(run !== undefined && series !== undefined)
  assert.equal(run.results.length, POLICIES.length)
  const what = `${run.vms} VMs on ${run.hosts} hosts (${run.fleet}), ${spanText(run.steps * run.stepMs)}`
  await page.getByText(what).waitFor()
  for (const row of run.results) {
    const cells = board.getByRole('row').filter({ has: page.getByRole('rowheader', { name: row.policy, exact: true }) })
    const texts = await cells.getByRole('cell').allTextContents()
    assert.deepEqual(
      texts.map((text) => text.replace(', the least', '').trim()),
      figuresOf(row),
      row.policy,
    )
  }
  await agreeOnFutures(await bench.ask<BacktestLoadsView>(`/v1/backtests/${id}/loads?policies=${POLICIES.join()}`))
})

/** As `docs/backtest.md` has the columns. */
function figuresOf(row: BacktestRow): readonly string[] {
  return [
    row.energyKwh.toFixed(2),
    (row.overloadTimeFraction * 100).toFixed(3),
    (row.unservedFraction * 100).toFixed(4),
    (row.migrationDegradationFraction * 100).toFixed(4),
    row.migrationsPerVmDay.toFixed(3),
    (row.copiedBytes / GiB).toFixed(1),
    row.hostsOnMean.toFixed(1),
    row.cpuSeconds.toFixed(2),
  ]
}

/** Each host's course under both, and lines of both in the charts. */
async function agreeOnFutures({ hosts, capacity, policies, stepMs }: BacktestLoadsView): Promise<void> {
  const { page } = on
  const expected = policies.flatMap(({ policy, demand }) =>
    hosts.map((host, h) => {
      const over = demand[h].filter((value) => value !== null && value > capacity[h]).length
      return `${host} under ${policy}: over capacity for ${spanText(over * stepMs)}`
    }),
  )
  const table = page.getByRole('table', { name: 'Hosts under both policies' })
  await table.getByRole('slider').first().waitFor()
  const strips = await table.getByRole('slider').evaluateAll((all) =>
    all.map((one) => ({
      label: one.getAttribute('aria-label') ?? '',
      isDrawn: one.firstElementChild?.getAttribute('style')?.includes('gradient') === true,
    })),
  )
  assert.deepEqual(new Set(strips.map(({ label }) => label)), new Set(expected))
  assert.ok(strips.every(({ isDrawn }) => isDrawn))
  const chart = `Power, W over time under ${POLICIES.join(' and ')}`
  await page.getByRole('img', { name: chart, exact: true }).waitFor()
  const drawn = await until(async () => {
    const lines = await page.evaluate<readonly Drawn[]>(`(${LINES})(${JSON.stringify(chart)})`)
    return lines.every(({ pixels }) => pixels > 0) ? lines.map(({ label }) => label) : undefined
  })
  assert.deepEqual(drawn, POLICIES)
}

interface Drawn {
  readonly label: string
  readonly pixels: number
}

/** Lines of a chart by its legend, and how many pixels between its axes are in the colour of each. */
const LINES = `(label) => {
  const figure = document.querySelector('figure[aria-label="' + label + '"]')
  const canvas = figure.querySelector('canvas')
  const [whole, over] = [canvas.getBoundingClientRect(), figure.querySelector('.u-over').getBoundingClientRect()]
  const scale = canvas.width / whole.width
  const box = [over.left - whole.left, over.top - whole.top, over.width, over.height].map((px) => Math.round(px * scale))
  const { data } = canvas.getContext('2d').getImageData(...box)
  return [...figure.querySelectorAll('.u-legend .u-series')].slice(1).map((one) => {
    const rgb = getComputedStyle(one.querySelector('.u-marker')).borderTopColor.match(/\\d+/g).map(Number)
    let pixels = 0
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 128 && rgb.every((part, c) => Math.abs(part - data[i + c]) < 24)) pixels++
    return { label: one.querySelector('.u-label').textContent, pixels }
  })
}`
