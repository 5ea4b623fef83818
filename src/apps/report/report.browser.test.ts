import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { BacktestRun } from '../backtest/result.ts'
import { renderReport } from './report.ts'
import { sampleRun } from './sample-run.ts'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = [process.env['ETHOS_CHROMIUM'] ?? '', ...BROWSERS].find(
  (path) => path !== '' && existsSync(path),
)
const skip = executablePath === undefined ? 'no chromium on this machine (or name it in ETHOS_CHROMIUM)' : false
const EVIL = '</script><img src=x onerror=alert(1)>'

let browser: Browser
let folder = ''

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ethos-report-'))
  if (executablePath === undefined) return
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  browser = await chromium.launch({ executablePath, args })
})

after(async () => {
  if (executablePath !== undefined) await browser.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Opens the page, does something on it, and fails on any complaint of the browser or any request but for the file. */
async function onPage(
  run: BacktestRun,
  options: BrowserContextOptions,
  act: (page: Page) => Promise<void>,
): Promise<void> {
  const file = join(folder, 'report.html')
  writeFileSync(file, renderReport(run))
  const page = await browser.newPage(options)
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`))
  page.on('request', (request) => {
    if (request.url() !== pathToFileURL(file).href) complaints.push(`request of ${request.url()}`)
  })
  await page.goto(pathToFileURL(file).href)
  await page.waitForFunction("document.querySelector('#heat-hint').textContent !== ''", undefined, { timeout: 20_000 })
  await act(page)
  assert.deepEqual(complaints, [])
  await page.close()
}

function coloursOf(page: Page, id: string): Promise<number> {
  return page.evaluate<number>(`(() => {
    const canvas = document.getElementById('${id}')
    const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)
    return new Set(pixels).size
  })()`)
}

for (const { name, options } of [
  { name: 'light', options: { colorScheme: 'light', viewport: { width: 1280, height: 900 } } },
  { name: 'dark', options: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } } },
  { name: 'narrow', options: { colorScheme: 'light', viewport: { width: 360, height: 700 } } },
] as const) {
  test(`the page draws all its plots, and nothing sticks out: ${name}`, { skip }, async () => {
    await onPage(sampleRun(), options, async (page) => {
      for (const id of ['fleet-on', 'fleet-over', 'heat', 'host', 'histogram']) {
        assert.ok((await coloursOf(page, id)) > 3, `${id} is drawn`)
      }
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      assert.ok(width <= options.viewport.width, `${width} px wide`)
      const picture = join(folder, `${name}.png`)
      await page.screenshot({ path: picture, fullPage: true })
      assert.ok(statSync(picture).size > 20_000)
    })
  })
}

test('another policy changes every section below the choice, and says what it lacks', { skip }, async () => {
  await onPage(sampleRun(), {}, async (page) => {
    assert.match((await page.textContent('#host-hint')) ?? '', /p95 forecast/)
    await page.getByRole('radio', { name: 'lr-mmt-1.2' }).check({ force: true })
    assert.match((await page.textContent('#heat-hint')) ?? '', /under lr-mmt-1\.2/)
    assert.match((await page.textContent('#host-hint')) ?? '', /makes no forecast/)
    assert.match((await page.textContent('#moves-hint')) ?? '', /does not reckon gain and cost/)
    await page.getByRole('radio', { name: 'dvfs' }).check({ force: true })
    assert.match((await page.textContent('#moves-hint')) ?? '', /dvfs moved no VM/)
    assert.equal(await page.isVisible('#moves-frame'), false)
  })
})

test('by keyboard: arrows walk through the heat map, Enter opens the host', { skip }, async () => {
  await onPage(sampleRun(), {}, async (page) => {
    await page.focus('#heat')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    assert.match(
      (await page.textContent('#tip')) ?? '',
      /^host-\d+00:00\d+(?:\.\d)?\s% of (?:16|24) reference cores|off$/,
    )
    await page.keyboard.press('Enter')
    assert.equal(await page.inputValue('#host-choice'), '2')
    await page.keyboard.press('Escape')
    assert.equal(await page.isVisible('#tip'), false)
  })
})

test('moves are found by class, host and words', { skip }, async () => {
  const run = sampleRun()
  await onPage(run, {}, async (page) => {
    const energy = run.details[0].moves.filter((move) => move.class === 'energy').length
    await page.selectOption('#class-choice', { label: 'energy' })
    assert.match((await page.textContent('#moves-count')) ?? '', new RegExp(`of ${energy} moves that fit`))
    await page.fill('#moves-search', 'vm-0632')
    const rows = await page.locator('#moves-rows tr').allTextContents()
    assert.ok(rows.length > 0 && rows.every((row) => row.includes('vm-0632') && row.includes('energy')))
    await page.fill('#moves-search', 'nothing is called so')
    assert.match((await page.textContent('#moves-count')) ?? '', /No move fits/)
  })
})

test('names that are markup stay text', { skip }, async () => {
  const run = sampleRun({ hosts: 6, vms: 40, steps: 60 })
  const details = run.details.map((detail) => ({
    ...detail,
    policy: detail.policy + EVIL,
    moves: detail.moves.map((move) => ({ ...move, vmName: EVIL, reason: EVIL })),
  }))
  const hosts = run.hosts.map((name) => name + EVIL)
  await onPage({ ...run, traceName: EVIL, hosts, details }, {}, async (page) => {
    assert.equal(await page.locator('img').count(), 0)
    assert.equal(await page.textContent('h1'), EVIL)
    await page.hover('#heat')
    assert.equal(await page.locator('#tip img').count(), 0)
  })
})

test('a run of three hosts, one policy, no move, no overload and no forecast is shown as such', { skip }, async () => {
  const run = sampleRun({ hosts: 3, vms: 9, steps: 24 })
  const alone = {
    ...run,
    results: run.results.slice(0, 1),
    details: [{ policy: 'ethos', hostDemand: new Float32Array(72).fill(3), moves: [] }],
  }
  await onPage(alone, {}, async (page) => {
    assert.equal(await page.isVisible('#policies'), false)
    assert.match((await page.textContent('#heat-hint')) ?? '', /No overload under ethos/)
    assert.match((await page.textContent('#host-hint')) ?? '', /no moves in or out, no steps of overload.*no forecast/)
    assert.match((await page.textContent('#moves-hint')) ?? '', /ethos moved no VM/)
  })
})

test('hosts that were never on leave an empty map, and the rest of the page stands', { skip }, async () => {
  const run = sampleRun({ hosts: 3, vms: 9, steps: 24 })
  const details = [{ policy: 'ethos', hostDemand: new Float32Array(72).fill(Number.NaN), moves: [] }]
  await onPage({ ...run, details }, {}, async (page) => {
    assert.match((await page.textContent('#heat-hint')) ?? '', /no host ever carried a VM/)
    assert.equal(await page.isVisible('#heat'), false)
  })
})
