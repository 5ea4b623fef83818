/** A server that ends and comes back under the open page: a plain `ethos serve` over TLS, without hosts at first. Nothing here loads a page anew. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { withSite } from '../../src/apps/server/open-site.ts'
import { HOUR_MS } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import { ImaginedSite } from '../server/imagined-site.ts'
import { launchBrowser, PAGE_MS, whyNoBrowser } from './page-bench.ts'
import { buildWebIfStale } from '../build-web.ts'

const LISTENS = /127\.0\.0\.1:([1-9]\d*)/
const TOKEN = /ethos_[0-9a-f]{16}_[\w-]{43}/
const TEXTS = `(selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent.trim())`
const skip = whyNoBrowser
const folder = mkdtempSync(join(tmpdir(), 'ethos-restart-'))
const data = join(folder, 'data')
const site = new ImaginedSite({ hosts: 3, vms: 12, cores: 16, seed: 1 })
const complaints: string[] = []
let server: ChildProcess | undefined
let said = ''
/** Any that is free, and then the same again. */
let port = 0
let token = ''
let browser: Browser | undefined
let page: Page

before(async () => {
  if (skip !== false) return
  const built = buildWebIfStale()
  if (built.kind === 'failed') throw new Error(built.output)
  ;[browser] = await Promise.all([launchBrowser(), start()])
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true })
  page = await context.newPage()
  page.setDefaultTimeout(PAGE_MS)
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
})
after(async () => {
  await browser?.close()
  await stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What each page says of a cluster in which nothing is yet. */
const EMPTY = [
  { path: '/', says: 'No host reports yet.' },
  { path: '/hosts', says: 'No host is known.' },
  { path: '/hosts/kvm-01', says: 'There is nothing of that name here.' },
  { path: '/vms', says: 'No VM is known yet' },
  { path: '/vms/web-01', says: 'No host has told of' },
  { path: '/plan', says: 'No host can be ranked: none is registered' },
  { path: '/ledger', says: 'No move was decided yet.' },
  { path: '/backtest', says: 'What the VMs of this site used' },
  { path: '/policy?part=maintenance', says: 'No host is in maintenance.' },
  { path: '/policy?part=rules', says: 'No VM is bound by a rule of its own' },
  { path: '/setup', says: 'Next:' },
] as const

test('a cluster without hosts has each page, with a sentence in place of a table and no complaint', {
  skip,
}, async () => {
  await page.goto(`https://localhost:${port}/`)
  await signIn()
  for (const { path, says } of EMPTY) {
    await page.goto(`https://localhost:${port}${path}`)
    await page.locator('#main').getByText(says).first().waitFor()
    assert.equal(await page.getByText(/undefined|NaN|Infinity|\[object/).count(), 0, path)
  }
  // What nobody knows is not found; and of a plan nothing is told before the first turn.
  assert.deepEqual(
    complaints.filter((text) => !/status of (404|503)/.test(text)),
    [],
  )
})

test('while the server is away the page says so and since when, keeps what it heard, and goes on by itself', {
  skip,
}, async () => {
  await page.goto(`https://localhost:${port}/`)
  await page.getByText('No host reports yet.').waitFor()
  await page.evaluate('window.isTheSame = true')
  await stop()
  await page.getByText('Nothing is heard from the server: what is shown may be old.').waitFor()
  await page.getByText('No host reports yet.').waitFor()
  // Hosts come meanwhile.
  await withSite({ data, store: '' }, async (store) => {
    const now = Date.now()
    await site.register(store, now)
    await site.tellPast(store, { from: now - HOUR_MS, to: now })
    await site.tellReports(store, now)
  })
  await start()
  // Sessions end with the server (decision 0016): whoever sat here says once more who they are, and is where they were.
  await signIn()
  const table = page.getByRole('table', { name: 'Hosts with their load over time' })
  await table
    .getByRole('link')
    .nth(site.hosts.length - 1)
    .waitFor()
  assert.equal(await page.getByText('Nothing is heard from the server').count(), 0)

  // Hosts are listed before anybody has told of their loads.
  await page.waitForFunction(
    `[...document.querySelectorAll('[role="table"] .meter .text')].every((text) => text.textContent.includes('%'))`,
  )
  const shown = await figures()
  assert.ok(shown.length >= 3 * site.hosts.length)
  await stop()
  const old = page.getByText(/Old: The server does not answer\.\s+What is shown is .+ old\./)
  await old.first().waitFor()
  await page.getByText('Nothing is heard from the server: what is shown may be old.').waitFor()
  assert.deepEqual(await figures(), shown)
  // It grows older as one looks.
  const age = (await old.first().textContent()) ?? ''
  await page.getByText(age.trim().replaceAll(/\s+/g, ' '), { exact: true }).first().waitFor({ state: 'detached' })
  assert.deepEqual(await figures(), shown)
  await start()
  await signIn()
  await table
    .getByRole('link')
    .nth(site.hosts.length - 1)
    .waitFor()
  await old.first().waitFor({ state: 'detached' })
  assert.equal(await page.getByText('Nothing is heard from the server').count(), 0)
  assert.equal(await page.evaluate('window.isTheSame'), true, 'the page was loaded anew')
  assert.equal(new URL(page.url()).pathname, '/')
})

/** Names and loads of hosts, as they stand in the table. */
function figures(): Promise<readonly string[]> {
  return page.evaluate(`(${TEXTS})('[role="table"] [role="row"] a, [role="table"] .meter .text')`)
}

async function signIn(): Promise<void> {
  await page.getByLabel('API token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForSelector('#main')
}

/** Until it says where it listens. */
async function start(): Promise<void> {
  const program = join(REPOSITORY, 'src/apps/cli/main.ts')
  const words = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--name', 'localhost', '--turn-every', '10']
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  server = child
  said = ''
  const { promise: listens, resolve, reject } = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      // Told at the first start alone.
      token ||= TOKEN.exec(said)?.[0] ?? ''
      if (LISTENS.test(said) && token !== '') resolve()
    })
  child.once('exit', () => reject(new Error(`the server ended:\n${said}`)))
  await listens
  port = Number(LISTENS.exec(said)?.[1])
}

async function stop(): Promise<void> {
  if (server === undefined || server.exitCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null], said)
}
