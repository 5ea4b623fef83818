/** The dashboard as people meet it: the demo's server, Debian's browser, every area. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import type { Page, Route } from 'playwright-core'
import { bytesText } from '../../src/terms/shown.ts'
import { REPOSITORY } from '../repository.ts'
import { PageBench, whyNoBrowser } from './page-bench.ts'

const skip = whyNoBrowser
let bench: PageBench
let page: Page

before(async () => {
  if (skip !== false) return
  bench = await PageBench.begin({ viewport: { width: 1280, height: 900 } })
  page = await bench.page()
})
after(async () => {
  if (skip === false) await bench.end()
})

/** Each area, and what is on its page once the server has answered. */
const AREAS = [
  {
    path: '/',
    heading: 'Cluster, now and next',
    shows: 'role=table[name="Hosts with their load over time"] >> role=link',
  },
  { path: '/hosts', heading: 'Hosts', shows: 'role=link[name="kvm-04"]' },
  { path: '/hosts/kvm-04', heading: 'kvm-04', shows: 'canvas' },
  { path: '/vms', heading: 'VMs', shows: 'role=table >> role=link' },
  { path: '/vms/web-01', heading: 'web-01', shows: 'text=Hosts for it' },
  { path: '/plan', heading: 'Plan', shows: 'text=What was not done' },
  { path: '/ledger', heading: 'Ledger', shows: 'text=What was left as it was' },
  { path: '/backtest', heading: 'Backtest', shows: 'role=button' },
  { path: '/policy', heading: 'Policy', shows: 'text=Lower to shadow' },
  { path: '/setup', heading: 'Setup', shows: 'role=main >> role=heading' },
] as const

/** What a real name is turned into on its way to the page: the server would refuse most of these as ids, and the page must not count on that. */
const HOSTILE: Readonly<Record<string, string>> = {
  'web-01': '<img src=x onerror="document.title=\'owned\'">',
  'web-02': "=cmd|' /C calc'!A0",
  'kvm-03': '\u202Egnp.elif<script>document.title="owned"</script>',
  'kvm-04': 'x'.repeat(10_000),
  'db-01': '\u{1F525}'.repeat(2000),
}

const HOSTILE_ROUTES = /\/v1\/(?!events|session)/

async function turn(route: Route): Promise<void> {
  const response = await route.fetch()
  let text = await response.text()
  for (const [name, other] of Object.entries(HOSTILE)) text = text.replaceAll(`"${name}"`, JSON.stringify(other))
  await route.fulfill({ response, body: text })
}

test('a one-time token in the address signs one browser in, and is off the address at once', { skip }, async () => {
  await page.goto(`${bench.base}/#token=${bench.demo.server.makeOneTimeToken('admin')}`)
  await page.waitForSelector('#main')
  assert.equal(await page.evaluate('location.hash'), '')
  const cookies = await page.context().cookies()
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })),
    [{ httpOnly: true, sameSite: 'Strict' }],
  )
})

for (const { path, heading, shows } of AREAS) {
  test(`${path} shows what the server tells, and axe finds nothing serious`, { skip }, async () => {
    await page.goto(`${bench.base}${path}`)
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
    await page.locator(shows).first().waitFor()
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
    await page.evaluate(axe.source)
    const found = await page.evaluate<Found>(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]))`,
    )
    assert.deepEqual(found, [])
  })
}
type Found = readonly (readonly [string, readonly string[]])[]

for (const path of ['/', '/hosts', '/vms', '/plan', '/ledger', '/policy', '/setup'])
  test(`hostile names are text on ${path}`, { skip }, async () => {
    await page.route(HOSTILE_ROUTES, turn)
    await page.goto(`${bench.base}${path}`)
    await page.waitForSelector('#main h1, #main h2')
    await page.waitForTimeout(1500)
    assert.notEqual(await page.title(), 'owned')
    assert.equal(await page.locator('#main img, #main script').count(), 0)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
    await page.unroute(HOSTILE_ROUTES, turn)
  })

test('what stands on the page of a host is what the API tells', { skip }, async () => {
  const { memoryBytes, cores } = await bench.ask<{ memoryBytes: number; cores: number }>('/v1/hosts/kvm-04')
  await page.goto(`${bench.base}/hosts?name=kvm-04`)
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'kvm-04' }) })
  await row.waitFor()
  const cells = await row.getByRole('cell').allTextContents()
  assert.ok(cells.includes(bytesText(memoryBytes)), cells.join(' | '))
  assert.ok(cells.includes(String(cores)), cells.join(' | '))
})

test('whoever reaches for the kill switch stops all automation at once, and sees it', { skip }, async () => {
  await page.goto(`${bench.base}/`)
  await page.getByRole('button', { name: 'Stop all automation' }).click()
  await page.getByText('Automation is paused').waitFor()
  assert.equal((await bench.ask<{ isPaused: boolean }>('/v1/automation')).isPaused, true)
})

test('the way back closes what is shown behind it: signed out, nothing of the site is on the page', {
  skip,
}, async () => {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API token').waitFor()
  await page.goBack()
  await page.getByLabel('API token').waitFor()
  assert.equal(await page.getByText('kvm-04').count(), 0)
})

test('the browser complained of nothing, and reported nothing that the policy of content stopped', {
  skip,
}, async () => {
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
