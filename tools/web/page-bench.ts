/** For tests: the demo's server, a browser that is signed in to it, and whatever the browser complained of. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type Demo, startDemo } from '../../src/apps/demo-site/demo.ts'
import { makeLog } from '../../src/apps/server/log.ts'
import type { AutomationLevel } from '../../src/apps/server/site-settings.ts'
import { buildWebIfStale } from '../build-web.ts'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = [process.env['ETHOS_CHROMIUM'] ?? '', ...BROWSERS].find(
  (path) => path !== '' && existsSync(path),
)
export const whyNoBrowser: string | false =
  executablePath === undefined ? 'no chromium on this machine (or name it in ETHOS_CHROMIUM)' : false

/** Throws where there is none: whoever can do without asks `whyNoBrowser` first. */
export function browserPath(): string {
  if (executablePath === undefined) throw new Error(String(whyNoBrowser))
  return executablePath
}

/** Whoever waits longer than this on a page waits in vain, on the busiest machine. */
export const PAGE_MS = 60_000

/** What is answered once a turn was taken. */
const JUDGED = ['/v1/outlook', '/v1/migrations', '/v1/plans/latest', '/v1/alerts', '/v1/ledger', '/v1/vms/web-01/hosts']
const LOOK_MS = 250
const LOOKS_MAX = 240

export class PageBench {
  readonly demo: Demo
  readonly base: string
  /** What the browser said that it should not have to. */
  complaints: string[] = []
  private readonly options: BrowserContextOptions
  private readonly browser: Browser
  private readonly context: BrowserContext

  private constructor(demo: Demo, browser: Browser, context: BrowserContext, options: BrowserContextOptions) {
    this.demo = demo
    this.options = options
    this.base = `http://127.0.0.1:${demo.server.port}`
    this.browser = browser
    this.context = context
  }

  /** Builds the page, starts the demo and a browser.
   *  @param level where automation stands from the first turn on. `off`: that turn is not waited for. Absent: as the demo has it */
  static async begin(options: BrowserContextOptions = {}, level?: AutomationLevel): Promise<PageBench> {
    if (executablePath === undefined) throw new Error('no browser')
    const built = buildWebIfStale()
    if (built.kind === 'failed') throw new Error(built.output)
    const log = makeLog('none', () => undefined)
    const demo = await startDemo({ host: '127.0.0.1', port: 0, version: '0.0.0-test', log, areMetricsOpen: true })
    const headers = { authorization: `Bearer ${demo.server.firstToken}`, 'content-type': 'application/json' }
    if (level !== undefined) {
      const body = JSON.stringify({ level })
      await fetch(`http://127.0.0.1:${demo.server.port}/v1/automation`, { method: 'PUT', headers, body })
    }
    const browser = await launchBrowser()
    const bench = new PageBench(demo, browser, await browser.newContext(options), options)
    if (level !== 'off') await bench.judging()
    return bench
  }

  /** Until turns are taken: before that some answers are 503, which the page waits out and the browser complains of. */
  async judging(): Promise<void> {
    const headers = { authorization: `Bearer ${this.demo.server.firstToken}` }
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const answers = await Promise.all(JUDGED.map((path) => fetch(`${this.base}${path}`, { headers })))
      if (answers.every(({ ok }) => ok)) return
      await sleep(LOOK_MS)
    }
    throw new Error(`no turn was taken within ${(LOOKS_MAX * LOOK_MS) / 1000} s`)
  }

  async end(): Promise<void> {
    await this.browser.close()
    await this.demo.close()
  }

  /** A page of the browser, with everything that it complains of noted. */
  page(): Promise<Page> {
    return this.pageOf(this.context)
  }

  /** A page of somebody else, whose browser has no session yet. */
  async visitor(): Promise<Page> {
    return this.pageOf(await this.browser.newContext(this.options))
  }

  /** Complaints that were to be expected, such as of an answer that refuses: they are noted no more. How many there were. */
  forgive(expected: RegExp): number {
    const [all, kept] = [this.complaints, this.complaints.filter((complaint) => !expected.test(complaint))]
    this.complaints = kept
    return all.length - kept.length
  }

  private async pageOf(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    page.setDefaultTimeout(PAGE_MS)
    page.on('console', (message) => {
      // On a busy machine a turn may be late: the page says so, and asks again.
      if (message.text().includes('status of 503')) return
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`))
    page.on('dialog', (dialog) => this.complaints.push(`${page.url()}: dialog ${dialog.message()}`))
    page.on('request', (request) => {
      if (!request.url().startsWith(this.base)) this.complaints.push(`${page.url()} asks ${request.url()}`)
    })
    return page
  }

  /** Past the page, as a program with the first token asks. @param body absent: it is read */
  async ask<Answer>(path: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'GET', body?: object): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${this.demo.server.firstToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const response = await fetch(`${this.base}${path}`, sent)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Answer
  }
}

export function launchBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  return chromium.launch({ executablePath: browserPath(), args })
}
