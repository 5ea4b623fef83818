/** `npm run screenshots`: every page of the dashboard over the demo, light and dark, into `docs/dashboard`. They are looked at by eye. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPOSITORY } from '../repository.ts'
import { PageBench, whyNoBrowser } from './page-bench.ts'

const FOLDER = join(REPOSITORY, 'docs', 'dashboard')
const PAGES = [
  { name: 'cluster', path: '/' },
  { name: 'hosts', path: '/hosts' },
  { name: 'host', path: '/hosts/kvm-05' },
  { name: 'vms', path: '/vms' },
  { name: 'vm', path: '/vms/web-03' },
  { name: 'plan', path: '/plan' },
  { name: 'ledger', path: '/ledger' },
  { name: 'backtest', path: '/backtest' },
  { name: 'policy', path: '/policy?part=budgets' },
  { name: 'setup', path: '/setup' },
] as const
/** So that there is something to see: an hour of the demo's time and a half. */
const BEFORE_MS = 90_000
/** What a page asks has come by then. */
const SETTLE_MS = 2500

if (whyNoBrowser !== false) throw new Error(whyNoBrowser)
mkdirSync(FOLDER, { recursive: true })
const bench = await PageBench.begin({ viewport: { width: 1280, height: 900 } })
const page = await bench.page()
await page.goto(`${bench.base}/#token=${bench.demo.server.makeOneTimeToken('admin')}`)
await page.waitForSelector('#main')
await sleep(BEFORE_MS)
for (const colorScheme of ['light', 'dark'] as const) {
  await page.emulateMedia({ colorScheme })
  for (const { name, path } of PAGES) {
    await page.goto(`${bench.base}${path}`)
    await page.waitForSelector('#main h1')
    await sleep(SETTLE_MS)
    await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) })
    process.stdout.write(`docs/dashboard/${name}-${colorScheme}.png\n`)
  }
}
await bench.end()
