/** The page over one site, measured: how soon it is there, what it was sent, what one does on it, and what memory it comes to. */
import { ScaleBrowser, type ScalePage, type Wire } from './browser.ts'
import { measureMemory, type MemoryFigures } from './memory.ts'
import { type ScaleSize, startScaleSite } from './site.ts'
import { type Interaction, type Spread, spreadOf, walk } from './walk.ts'

export interface PageFigures {
  readonly hosts: number
  readonly vms: number
  /** From an empty cache, on the cluster's page. */
  readonly firstPaintMs: Spread
  readonly contentfulMs: Spread
  /** Until the list of hosts stands there. */
  readonly listMs: Spread
  /** Of the page's main thread until then. */
  readonly loadCpuMs: Spread
  /** What came until all of the page stands there, in bytes as they were packed. */
  readonly wire: Wire
  readonly interactions: readonly Interaction[]
  readonly memory: MemoryFigures
  /** CPU of the server's processes while all of this was done. */
  readonly serverCpuSec: number
}

export interface MeasureOptions extends ScaleSize {
  /** Of each thing that is measured. */
  readonly times: number
  readonly say: (what: string) => void
}

const WALKS_FOR_MEMORY = 2

interface Begun {
  readonly firstPaintMs: number
  readonly contentfulMs: number
  readonly listMs: number
}

export async function measurePage({ times, say, ...size }: MeasureOptions): Promise<PageFigures> {
  say(`${size.vms} VMs on ${size.hosts} hosts: the site is made, and judged`)
  const scaled = await startScaleSite(size)
  try {
    const browser = await ScaleBrowser.begin(scaled)
    try {
      const before = scaled.cpuMs()
      say('the page is loaded')
      const begun: (Begun & { readonly cpuMs: number; readonly wire: Wire })[] = []
      for (let i = 0; i < times; i++) {
        const page = await browser.page()
        begun.push(await load(page))
        await page.close()
      }
      say('everything is walked through')
      const page = await browser.page()
      await load(page)
      const interactions = await walk(page, scaled, times)
      await page.close()
      say('its memory is looked at')
      const memory = await measureMemory(scaled, WALKS_FOR_MEMORY)
      return {
        hosts: size.hosts,
        vms: size.vms,
        firstPaintMs: spreadOf(begun.map(({ firstPaintMs }) => firstPaintMs)),
        contentfulMs: spreadOf(begun.map(({ contentfulMs }) => contentfulMs)),
        listMs: spreadOf(begun.map(({ listMs }) => listMs)),
        loadCpuMs: spreadOf(begun.map(({ cpuMs }) => cpuMs)),
        wire: begun[0].wire,
        interactions,
        memory,
        serverCpuSec: (scaled.cpuMs() - before) / 1000,
      }
    } finally {
      await browser.end()
    }
  } finally {
    await scaled.close()
  }
}

/** The cluster's page, until its list stands there. */
async function load(page: ScalePage): Promise<Begun & { readonly cpuMs: number; readonly wire: Wire }> {
  await page.page.goto(`${page.base}/`)
  await page.page.locator('[role=row][aria-rowindex="2"]').first().waitFor()
  const begun = await page.page.evaluate<Begun>('scaleProbe.begin()')
  const cpuMs = await page.cpuMs()
  // The list stands there by what was measured; what is ahead comes beside it.
  await page.page.locator('.verdict').waitFor()
  return { ...begun, cpuMs, wire: page.wire() }
}
