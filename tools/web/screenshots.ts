/** `npm run screenshots`: every page of the dashboard over the demo, light and dark, into `docs/dashboard`, with something to see on each: moves made and
 *  proposed, a backtest at its end, two hosts side by side. They are looked at by eye. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import type { BacktestsView } from '../../src/apps/server/views/backtests.ts'
import type { MigrationsView } from '../../src/apps/server/views/moves.ts'
import { REPOSITORY } from '../repository.ts'
import { PageBench, whyNoBrowser } from './page-bench.ts'

const FOLDER = join(REPOSITORY, 'docs', 'dashboard')
const VIEWPORT = { width: 1280, height: 900 }
/** A page is pictured down to here: what is below is more of the same. */
const HEIGHT_MAX = 2000
const PAGES: readonly Picture[] = [
  { name: 'cluster', path: '/' },
  { name: 'cluster-narrow', path: '/', width: 390 },
  { name: 'hosts', path: '/hosts' },
  { name: 'host', path: '/hosts/kvm-05' },
  { name: 'vms', path: '/vms' },
  { name: 'vm', path: '/vms/web-03' },
  { name: 'vm-compare', path: '/vms/web-03?host=kvm-11&beside=kvm-12' },
  { name: 'ledger', path: '/ledger' },
  { name: 'backtest', path: '/backtest' },
  { name: 'policy', path: '/policy?part=budgets' },
  { name: 'setup', path: '/setup' },
]
/** Taken at `partial`, where a person approves what the policy proposes. */
const PROPOSED: Picture = { name: 'plan', path: '/plan' }

interface Picture {
  readonly name: string
  readonly path: string
  /** Of the window, in px. Absent: a wide one. */
  readonly width?: number
}
/** So that there is something to see: an hour of the demo's time and a half. */
const BEFORE_MS = 90_000
/** What a page asks has come by then. */
const SETTLE_MS = 2500
const LOOK_MS = 1000
/** A proposal is waited for so long at most, and a backtest. */
const LOOKS_MAX = 240

if (whyNoBrowser !== false) throw new Error(whyNoBrowser)
mkdirSync(FOLDER, { recursive: true })
const bench = await PageBench.begin({ viewport: VIEWPORT })
try {
  await takeSignIn(await bench.visitor())
  const page = await bench.page()
  await page.goto(`${bench.base}/#token=${bench.demo.server.makeOneTimeToken('admin')}`)
  await page.waitForSelector('#main')
  await Promise.all([sleep(BEFORE_MS), backtested()])
  for (const picture of PAGES) await take(page, picture)
  await bench.ask('/v1/automation', 'PUT', { level: 'partial' })
  await until('a proposal', async () => (await bench.ask<MigrationsView>('/v1/migrations')).proposals.length > 0)
  await take(page, PROPOSED)
} finally {
  await bench.end()
}

async function takeSignIn(page: Page): Promise<void> {
  await take(page, { name: 'sign-in', path: '/' })
}

/** Over the last day of the demo, ours beside the others. */
async function backtested(): Promise<void> {
  await bench.ask('/v1/backtests', 'POST', { source: 'own' })
  await until(
    'the backtest',
    async () => (await bench.ask<BacktestsView>('/v1/backtests')).backtests[0]?.state === 'done',
  )
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (await isSo()) return
    await sleep(LOOK_MS)
  }
  process.stderr.write(`warning: ${what} was waited for in vain\n`)
}

async function take(page: Page, { name, path, width = VIEWPORT.width }: Picture): Promise<void> {
  await page.setViewportSize({ ...VIEWPORT, width })
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.goto(`${bench.base}${path}`)
    await page.waitForSelector('h1')
    await sleep(SETTLE_MS)
    const height = await page.evaluate<number>('document.documentElement.scrollHeight')
    await page.setViewportSize({ width, height: Math.min(HEIGHT_MAX, Math.max(VIEWPORT.height, height)) })
    await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) })
    await page.setViewportSize({ ...VIEWPORT, width })
    process.stdout.write(`docs/dashboard/${name}-${colorScheme}.png\n`)
  }
}
