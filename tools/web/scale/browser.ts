/** A browser with one page that is measured: its main thread by CPU time, and what it was sent. */
import { type Browser, type BrowserContext, type CDPSession, type Page } from 'playwright-core'
import { launchBrowser, PAGE_MS } from '../page-bench.ts'
import { type Felt, PROBE } from './probe.ts'
import type { ScaleSite } from './site.ts'

/** Bytes that came, as they were packed, by what for. */
export interface Wire {
  readonly script: number
  readonly style: number
  readonly document: number
  readonly answers: number
  /** The same answers as they are read. */
  readonly unpacked: number
}

export class ScaleBrowser {
  private readonly browser: Browser
  private readonly scaled: ScaleSite

  private constructor(browser: Browser, scaled: ScaleSite) {
    this.browser = browser
    this.scaled = scaled
  }

  static async begin(scaled: ScaleSite): Promise<ScaleBrowser> {
    return new ScaleBrowser(await launchBrowser(), scaled)
  }

  /** A page with nothing in its cache, signed in. */
  async page(): Promise<ScalePage> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 } })
    const { base, token } = this.scaled
    const signedIn = await context.request.post(`${base}/v1/session`, { data: { token } })
    if (!signedIn.ok()) throw new Error(`sign-in: ${signedIn.status()} ${await signedIn.text()}`)
    return ScalePage.open(context, base)
  }

  async end(): Promise<void> {
    await this.browser.close()
  }
}

export class ScalePage {
  readonly page: Page
  readonly base: string
  private readonly context: BrowserContext
  private readonly cdp: CDPSession
  private readonly kinds = new Map<string, string>()
  private readonly bytes: Record<keyof Wire, number> = { script: 0, style: 0, document: 0, answers: 0, unpacked: 0 }

  private constructor(page: Page, base: string, cdp: CDPSession) {
    this.page = page
    this.base = base
    this.context = page.context()
    this.cdp = cdp
  }

  static async open(context: BrowserContext, base: string): Promise<ScalePage> {
    const page = await context.newPage()
    page.setDefaultTimeout(PAGE_MS)
    await page.addInitScript(PROBE)
    const cdp = await context.newCDPSession(page)
    const scaled = new ScalePage(page, base, cdp)
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
    await cdp.send('Network.enable')
    cdp.on('Network.responseReceived', ({ requestId, type }) => void scaled.kinds.set(requestId, type))
    cdp.on('Network.dataReceived', ({ requestId, dataLength }) => {
      if (nameOf(scaled.kinds.get(requestId)) === 'answers') scaled.bytes.unpacked += dataLength
    })
    cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const name = nameOf(scaled.kinds.get(requestId))
      if (name !== undefined) scaled.bytes[name] += encodedDataLength
    })
    return scaled
  }

  wire(): Wire {
    return { ...this.bytes }
  }

  /** CPU of the page's main thread so far. */
  async cpuMs(): Promise<number> {
    const { metrics } = await this.cdp.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN)
  }

  /** Does something, and says what it took. */
  async feel(act: () => Promise<unknown>): Promise<Felt & { readonly cpuMs: number }> {
    await this.page.evaluate('scaleProbe.reset()')
    const before = await this.cpuMs()
    await act()
    const felt = await this.page.evaluate<Felt>('scaleProbe.read()')
    return { ...felt, cpuMs: (await this.cpuMs()) - before }
  }

  /** From the newest click until there is something. */
  since(selector: string): Promise<number> {
    return this.page.evaluate<number>(`scaleProbe.since(${JSON.stringify(selector)})`)
  }

  async close(): Promise<void> {
    await this.context.close()
  }
}

/** @param kind of a request, as the browser has it */
function nameOf(kind: string | undefined): Exclude<keyof Wire, 'unpacked'> | undefined {
  if (kind === 'Script') return 'script'
  if (kind === 'Stylesheet') return 'style'
  if (kind === 'Document') return 'document'
  return kind === 'Fetch' || kind === 'XHR' ? 'answers' : undefined
}
