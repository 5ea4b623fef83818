/** Test 56: names that their owners chose to harm, in every view, are text; what is too long stays in its place. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page, Route } from 'playwright-core'
import { PageBench, whyNoBrowser } from './page-bench.ts'

const skip = whyNoBrowser
let bench: PageBench
let page: Page

/** What a real name is turned into on its way to the page: the server would refuse most of these as ids, and the page must not count on that. */
const HOSTILE: Readonly<Record<string, string>> = {
  'web-01': '<img src=x onerror="document.title=\'owned\'">',
  'web-02': "=cmd|' /C calc'!A0",
  'kvm-03': '\u202Egnp.elif<script>document.title="owned"</script>',
  'kvm-04': 'x'.repeat(10_000),
  'db-01': '\u{1F525}'.repeat(2000),
}

async function turn(route: Route): Promise<void> {
  const response = await route.fetch()
  let text = await response.text()
  for (const [name, other] of Object.entries(HOSTILE)) text = text.replaceAll(`"${name}"`, JSON.stringify(other))
  await route.fulfill({ response, body: text })
}

before(async () => {
  if (skip !== false) return
  bench = await PageBench.begin({ viewport: { width: 1280, height: 900 } })
  page = await bench.page()
  await page.route(/\/v1\/(?!events|session)/, turn)
  await page.goto(`${bench.base}/#token=${bench.demo.server.makeOneTimeToken('admin')}`)
  await page.waitForSelector('#main')
})
after(async () => {
  if (skip === false) await bench.end()
})

for (const path of ['/', '/hosts', '/vms', '/plan', '/ledger', '/policy', '/setup'])
  test(`hostile names are text on ${path}`, { skip }, async () => {
    await page.goto(`${bench.base}${path}`)
    await page.waitForSelector('#main h1, #main h2')
    await page.waitForTimeout(1500)
    assert.notEqual(await page.title(), 'owned')
    assert.equal(await page.locator('#main img, #main script').count(), 0)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
  })

test('the browser ran nothing of it, and had nothing to report', { skip }, async () => {
  assert.deepEqual(bench.complaints, [])
  const metrics = await (await fetch(`${bench.base}/metrics`)).text()
  assert.match(metrics, /^ethos_csp_reports_total 0$/m)
})
