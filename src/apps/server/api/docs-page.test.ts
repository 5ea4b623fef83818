/** The page to read and try the API, in a real browser. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { ApiBench } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = [process.env['ETHOS_CHROMIUM'] ?? '', ...BROWSERS].find(
  (path) => path !== '' && existsSync(path),
)
const skip = executablePath === undefined ? 'no chromium on this machine (or name it in ETHOS_CHROMIUM)' : false
const bench = new ApiBench({ store: new FakeStore() })
let browser: Browser | undefined

before(async () => {
  await bench.start()
  if (executablePath === undefined) return
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  browser = await chromium.launch({ executablePath, args })
})
after(async () => {
  await browser?.close()
  await bench.stop()
})

test('the description names every route, its role, and how to show a token', async () => {
  const { status, json } = await bench.ask({ path: '/openapi.json' })
  assert.equal(status, 200)
  assert.equal(json['openapi'], '3.1.0')
  const paths = Object.keys(json['paths'])
  assert.ok(paths.includes('/v1/vms/{vm}/hosts') && paths.includes('/v1/events') && paths.includes('/healthz'))
  assert.match(json['paths']['/v1/tokens']['post']['description'], /Role: admin/)
  assert.equal(json['components']['securitySchemes']['token']['scheme'], 'bearer')
  assert.equal(
    json['paths']['/v1/tokens']['post']['requestBody']['content']['application/json']['schema']['additionalProperties'],
    false,
  )
})

test('the page takes a token, asks with it, and nothing of it comes from elsewhere', { skip }, async () => {
  const token = await bench.token('viewer')
  const page = await (browser as Browser).newPage({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 1000 } })
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.text().includes('Content Security Policy'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(bench.url) && !request.url().startsWith('data:')) complaints.push(request.url())
  })
  await page.goto(`${bench.url}/docs`)
  await page.getByRole('button', { name: 'Authorize' }).first().click()
  await page.locator('.modal-ux input').fill(token)
  await page.locator('.modal-ux button.authorize').click()
  await page.locator('.modal-ux button.btn-done').click()
  await page.locator('.opblock-summary-path[data-path="/v1/status"]').click()
  const answered = page.waitForResponse((response) => response.url() === `${bench.url}/v1/status`)
  await page.locator('.opblock.is-open button.execute').click()
  assert.equal((await answered).status(), 200)
  await page.locator('.opblock.is-open .live-responses-table .response-col_status').first().waitFor()
  const picture = process.env['ETHOS_PICTURES']
  if (picture !== undefined) await page.screenshot({ path: join(picture, 'docs.png'), fullPage: true })
  const text = (await page.textContent('.opblock.is-open .live-responses-table')) ?? ''
  assert.match(text, /"role": "viewer"/)
  assert.deepEqual(complaints, [])
})
