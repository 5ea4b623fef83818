/** The page as it is served: its addresses, its headers, and what a browser makes of its policy. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type Browser, chromium } from 'playwright-core'
import { packPage } from '../../../../tools/web/pack-page.ts'
import { ApiBench } from './builders.ts'
import { FakeStore } from './fakes/builders.ts'
import { formOf, readPage } from './page-files.ts'
import { PAGE_PATHS } from './page-routes.ts'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = [process.env['ETHOS_CHROMIUM'] ?? '', ...BROWSERS].find(
  (path) => path !== '' && existsSync(path),
)
const skip = executablePath === undefined ? 'no chromium on this machine (or name it in ETHOS_CHROMIUM)' : false

const SCRIPT = 'assets/index-4f2a9c1b.js'
const STYLE = 'assets/index-Xy_-09ab.css'
/** Signs in by the fragment and takes it out of the address, as the page does; styles by script; and listens. */
const JS = `
const heading = document.querySelector('h1')
const token = new URLSearchParams(location.hash.slice(1)).get('token')
history.replaceState(null, '', location.pathname)
heading.style.width = '123px'
if (token) {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch('/v1/session', { method: 'POST', headers, body: JSON.stringify({ token }) })
  const { session } = await answer.json()
  const known = { ...headers, 'x-ethos-csrf': session.csrf }
  const paused = await fetch('/v1/automation', { method: 'PUT', headers: known, body: '{"isPaused":true}' })
  const events = new EventSource('/v1/events')
  events.onopen = () => { heading.textContent = session.role + ' ' + paused.status + ' ' + document.cookie.length }
  events.addEventListener('status', (event) => { heading.title = event.data })
} else heading.textContent = 'nobody'
// ${'filler '.repeat(200)}
`
const HTML = `<!doctype html><html lang="en"><head><title>Ethos</title><link rel="stylesheet" href="/${STYLE}">
<script type="module" src="/${SCRIPT}"></script></head><body><h1>wait</h1></body></html>`

const folder = mkdtempSync(join(tmpdir(), 'ethos-page-'))
const bench = new ApiBench({ store: new FakeStore() })
let browser: Browser | undefined

before(async () => {
  mkdirSync(join(folder, 'assets'))
  for (const [name, text] of [
    ['index.html', HTML],
    [SCRIPT, JS],
    [STYLE, 'h1 { color: rgb(1, 2, 3) }'],
  ] as const)
    writeFileSync(join(folder, name), text)
  packPage(folder)
  writeFileSync(join(folder, 'secrets.env'), 'not a page')
  await bench.start({ pageFolder: folder })
  if (executablePath === undefined) return
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  browser = await chromium.launch({ executablePath, args })
})
after(async () => {
  await browser?.close()
  await bench.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function reports(): Promise<number> {
  const text = await bench.metrics.registry.getSingleMetricAsString('ethos_csp_reports_total')
  return Number(/^ethos_csp_reports_total (\d+)$/m.exec(text)?.[1])
}

/** What gets into a page all the same, and says so by running: as text that is made markup, by mistake and by the one who may, as a script, a picture and a
 *  request. */
const INTRUSION = `(async () => {
  const allowed = trustedTypes.createPolicy('svelte-trusted-html', { createHTML: (text) => text, createScript: (text) => text })
  const markup = '<img src="/none" onerror="window.isRun = true">'
  const holders = [document.createElement('div'), document.createElement('div')]
  try { holders[0].innerHTML = markup } catch { }
  holders[1].innerHTML = allowed.createHTML(markup)
  const script = document.createElement('script')
  script.textContent = allowed.createScript('window.isRun = true')
  const other = document.createElement('img')
  other.src = 'https://elsewhere.example/x.png'
  document.body.append(...holders, script, other)
  await fetch('https://elsewhere.example/').catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 100))
  return window.isRun === true
})()`
const INTRUSIONS = 5

test('the page answers at its own addresses, and what is none of them is not there', async () => {
  for (const path of [
    ...PAGE_PATHS,
    '/vms/web-1',
    '/vms/a%2Fb',
    `/vms/${'%F0%9F%98%80'.repeat(64)}`,
    '/hosts/h1?at=5',
  ]) {
    const { status, text, headers } = await bench.ask({ path: path.replace('*', '') })
    assert.equal(status, 200, path)
    assert.equal(text, HTML)
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
  }
  const none = [
    '/index.html',
    '/secrets.env',
    '/vmss',
    '/plan/1',
    '/assets/',
    '/assets/none.js',
    '/assets/../index.html',
  ]
  for (const path of [...none, '/assets/%2e%2e/secrets.env', '/assets/..%2fsecrets.env', '/favicon.svg', '/admin'])
    assert.equal((await bench.ask({ path })).status, 404, path)
})

test('nothing of it is framed, guessed at, or from elsewhere, and what has its digest in the name is kept for ever', async () => {
  const { headers } = await bench.ask({ path: '/' })
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(headers).filter(
        ([name]) =>
          ![
            'date',
            'connection',
            'keep-alive',
            'content-length',
            'x-request-id',
            'etag',
            'permissions-policy',
          ].includes(name),
      ),
    ),
    {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
        'trusted-types svelte-trusted-html; report-uri /v1/csp-reports',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      vary: 'accept-encoding',
      'x-content-type-options': 'nosniff',
    },
  )
  assert.match(String(headers['permissions-policy']), /camera=\(\), .*usb=\(\)/)
  const script = await bench.ask({ path: `/${SCRIPT}` })
  assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(script.headers['x-content-type-options'], 'nosniff')
})

test('what a browser has already is not sent again, and each packing is a form of its own', async () => {
  const tags = new Set<string>()
  for (const accepted of ['', 'gzip', 'gzip, deflate, br']) {
    const headers = { 'accept-encoding': accepted }
    const first = await bench.ask({ path: `/${SCRIPT}`, headers })
    const etag = String(first.headers['etag'])
    tags.add(etag)
    const again = await bench.ask({ path: `/${SCRIPT}`, headers: { ...headers, 'if-none-match': `"x", W/${etag}` } })
    assert.equal(again.status, 304)
    assert.equal(again.text, '')
    assert.equal((await bench.ask({ path: '/', headers: { 'if-none-match': etag } })).status, 200)
  }
  assert.equal(tags.size, 3)
  const file = (await readPage(folder)).get(SCRIPT)
  assert.ok(file !== undefined)
  assert.equal(brotliDecompressSync(formOf(file, 'br').bytes).toString(), JS)
  assert.equal(gunzipSync(formOf(file, 'br;q=0, GZIP;q=0.5').bytes).toString(), JS)
  assert.equal(formOf(file, 'brx, xgzip, *').packing, undefined)
  assert.ok(formOf(file, 'br').bytes.length < formOf(file, '').bytes.length)
})

test('where no page was built, each address says how', async () => {
  assert.equal((await readPage(join(folder, 'none'))).size, 0)
  const bare = new ApiBench({ store: new FakeStore() })
  await bare.start()
  try {
    for (const path of ['/', '/vms/web-1']) {
      const { status, text, headers } = await bare.ask({ path })
      assert.equal(status, 404)
      assert.match(text, /npm run build:web/)
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
    }
  } finally {
    await bare.stop()
  }
})

test('reports are bounded, short in the log, and of this page alone', async () => {
  const before = await reports()
  const say = (text: string, headers = {}) =>
    bench.ask({
      method: 'POST',
      path: '/v1/csp-reports',
      text,
      headers: { 'content-type': 'application/csp-report', ...headers },
    })
  const report = { 'csp-report': { 'effective-directive': 'script-src\n', 'blocked-uri': `x${'é'.repeat(1000)}` } }
  assert.equal((await say(JSON.stringify(report))).status, 204)
  assert.equal((await say(JSON.stringify(report), { 'sec-fetch-site': 'cross-site' })).status, 403)
  for (const text of ['{', '[]', '{}', '{"csp-report-only": {}}']) assert.equal((await say(text)).status, 400)
  assert.equal((await say('x'.repeat(17_000))).status, 413)
  assert.equal((await say('{}', { 'content-type': 'application/json' })).status, 415)
  assert.equal(await reports(), before + 1)
  const lines = bench.said.filter((line) => line.includes('kept from something'))
  assert.equal(lines.length, 1)
  assert.ok(lines[0].length < 400)
  const statuses = []
  for (let i = 0; i < 60; i++) statuses.push((await say('[]')).status)
  // 60 at once, five of which were said above: one was good, four could not be read. What is too long, of another type or of another page is none.
  assert.deepEqual(statuses, [...Array.from({ length: 55 }, () => 400), ...Array.from({ length: 5 }, () => 429)])
  bench.now += 120_000
})

test('a browser signs in by the fragment, and what gets into its page all the same does not run, and is told', {
  skip,
}, async () => {
  const page = await (browser as Browser).newPage({ ignoreHTTPSErrors: true })
  const before = await reports()
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  const token = bench.api.makeOneTimeToken('operator')
  await page.goto(`${bench.url}/#token=${token}`)
  // No certificate was wanted of it. Pausing worked by cookie and CSRF token; the stream is open; no script sees the cookie; a style set by script is let be.
  await page.getByRole('heading', { name: 'operator 200 0' }).waitFor()
  assert.equal(page.url(), `${bench.url}/`)
  assert.equal(await page.evaluate("document.querySelector('h1').style.width"), '123px')
  assert.equal(await page.evaluate("getComputedStyle(document.querySelector('h1')).color"), 'rgb(1, 2, 3)')
  assert.ok(asked.length >= 4 && asked.every((url) => url.startsWith(bench.url) && !url.includes('?')))
  // What is told afterwards is told in order: none was told of all that came before it.
  assert.equal(await page.evaluate(INTRUSION), false)
  while ((await reports()) < before + INTRUSIONS) await sleep(20)
  assert.equal(await reports(), before + INTRUSIONS)
  assert.ok(!bench.said.join('').includes(token.slice(-43)))
  await page.close()
})
