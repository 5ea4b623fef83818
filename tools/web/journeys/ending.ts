/** What has to stand at the end: the kill switch, the way out, and that the browser had nothing to complain of in all journeys. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { REPOSITORY } from '../../repository.ts'
import { on, skip } from './stage.ts'

test('whoever reaches for the kill switch stops all automation at once, and sees it', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/`)
  await page.getByRole('button', { name: 'Stop all automation' }).click()
  await page.getByText('Automation is paused').waitFor()
  assert.equal((await bench.ask<{ isPaused: boolean }>('/v1/automation')).isPaused, true)
})

test('the way back closes what is shown behind it: signed out, nothing of the site is on the page', {
  skip,
}, async () => {
  const { page } = on
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API token').waitFor()
  await page.goBack()
  await page.getByLabel('API token').waitFor()
  assert.equal(await page.getByText('kvm-04').count(), 0)
})

test('the browser complained of nothing, and reported nothing that the policy of content stopped', {
  skip,
}, async () => {
  const { bench } = on
  assert.deepEqual(bench.complaints, [])
  const metrics = await (await fetch(`${bench.base}/metrics`)).text()
  assert.match(metrics, /^ethos_csp_reports_total 0$/m)
})

test('all JavaScript of the first page is below 120 kB gzipped', { skip }, () => {
  const folder = join(REPOSITORY, 'dist', 'web')
  const index = readFileSync(join(folder, 'index.html'), 'utf8')
  const files = readdirSync(join(folder, 'assets')).filter((name) => name.endsWith('.js'))
  const sizes = new Map(files.map((name) => [name, gzipSync(readFileSync(join(folder, 'assets', name))).length]))
  const first = files.filter((name) => index.includes(name) || name.startsWith('Cluster'))
  assert.ok(first.length >= 2)
  const bytes = first.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0)
  assert.ok(bytes <= 120_000, `${bytes} B`)
})
