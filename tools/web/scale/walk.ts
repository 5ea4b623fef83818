/** What somebody does on the pages of a large site, step by step, and what each step took. */
import type { ScalePage } from './browser.ts'
import { imaginedLedger } from './ledger-moves.ts'
import type { ScaleSite } from './site.ts'

/** One thing that was done, over its repetitions. */
export interface Interaction {
  readonly what: string
  /** From the input to the frame that shows its effect. */
  readonly latencyMs: Spread
  /** Longest time without a frame, from the input on. */
  readonly frameGapMs: Spread
  /** Of the page's main thread. */
  readonly cpuMs: Spread
  /** From the input until what was opened stands there, the server's answer included. */
  readonly thereMs?: Spread
  /** Rows in the document afterwards, in all tables together. */
  readonly rows: number
}

/** The least is what it takes where nothing else works on the machine. */
export interface Spread {
  /** Of repetitions. */
  readonly times: number
  readonly least: number
  readonly median: number
}

interface Step {
  readonly what: string
  /** Not measured, before each repetition. */
  readonly before?: (page: ScalePage) => Promise<unknown>
  readonly act: (page: ScalePage) => Promise<unknown>
  /** What stands there once it has come to its end, for what waits for the server. */
  readonly there?: string
}

interface Visit {
  readonly path: string
  /** What stands there once it can be used. */
  readonly ready: string
  readonly steps: readonly Step[]
}

const ROW = '.body [role=row]'
const RANKED = `.ranked ${ROW}`
const HOSTS = { name: 'Hosts', href: '/hosts', there: `[aria-label="Hosts"] ${ROW}` } as const
const VMS = { name: 'VMs', href: '/vms', there: `[aria-label^="VMs with"] ${ROW}` } as const
const CLUSTER = { name: 'Cluster', href: '/', there: `[aria-label^="Hosts with"] ${ROW}` } as const
const PAGES = [
  HOSTS,
  VMS,
  { name: 'Plan', href: '/plan', there: '#main h1' },
  { name: 'Ledger', href: '/ledger', there: '#main h1' },
  { name: 'Policy', href: '/policy', there: '#main h1' },
  { name: 'Setup', href: '/setup', there: '#main h1' },
  CLUSTER,
] as const
const LEDGER_MOVES = '**/v1/ledger/moves*'
const JSON_OK = { status: 200, contentType: 'application/json' } as const
const WHEELS = 10
const WHEEL_PX = 700
const POINTS = 12

/** Everything, in its order; each page is loaded once. */
export async function walk(page: ScalePage, scaled: ScaleSite, times: number): Promise<readonly Interaction[]> {
  const found: Interaction[] = []
  const ledger = JSON.stringify(imaginedLedger(scaled.site, scaled.size.vms, Date.now()))
  for (const { path, ready, steps } of visitsOf(scaled)) {
    // While something is answered by us nothing is kept by the browser.
    if (path === '/ledger') await page.page.route(LEDGER_MOVES, (route) => route.fulfill({ ...JSON_OK, body: ledger }))
    else await page.page.unroute(LEDGER_MOVES)
    await page.page.goto(`${page.base}${path}`)
    await page.page.locator(ready).first().waitFor()
    for (const step of steps) found.push(await repeat(page, step, times))
  }
  return found
}

function visitsOf({ site: { hosts, vms } }: ScaleSite): readonly Visit[] {
  const host = hosts[Math.floor(hosts.length / 2)].id
  const vm = vms[Math.floor(vms.length / 2)].id
  return [
    { path: '/', ready: ROW, steps: clusterSteps() },
    { path: '/hosts', ready: ROW, steps: hostsSteps(host) },
    { path: '/vms', ready: ROW, steps: vmsSteps(vm) },
    { path: `/vms/${vm}`, ready: RANKED, steps: rankedSteps(host) },
    { path: '/ledger', ready: ROW, steps: ledgerSteps(host) },
    { path: '/', ready: ROW, steps: switchSteps() },
  ]
}

function clusterSteps(): readonly Step[] {
  return [
    { what: 'cluster: sort by host', act: sortBy('Host') },
    { what: 'cluster: sort by CPU', act: sortBy('CPU now') },
    { what: 'cluster: scroll', act: scroll },
    { what: 'cluster: point at loads', before: toTop, act: point },
  ]
}

function hostsSteps(host: string): readonly Step[] {
  return [
    { what: 'hosts: filter by name', before: clear('#main input'), act: type('#main input', host.slice(-3)) },
    { what: 'hosts: sort by contention', before: clear('#main input'), act: sortBy('Contention') },
    { what: 'hosts: scroll', before: toTop, act: scroll },
    {
      what: 'hosts: open one',
      before: reopen(HOSTS),
      act: ({ page }) => page.locator(`${ROW} a`).first().click(),
      there: '#main canvas',
    },
  ]
}

function vmsSteps(vm: string): readonly Step[] {
  const input = '#main input >> nth=0'
  return [
    { what: 'VMs: filter by name', before: clear(input), act: type(input, vm.slice(-3)) },
    { what: 'VMs: sort by name', before: clear(input), act: sortBy('VM') },
    { what: 'VMs: sort by host', act: sortBy('Host') },
    { what: 'VMs: sort by memory', act: sortBy('Memory') },
    { what: 'VMs: scroll', before: toTop, act: scroll },
    {
      what: 'VMs: open one',
      before: reopen(VMS),
      act: ({ page }) => page.locator(`${ROW} a`).first().click(),
      there: RANKED,
    },
  ]
}

function rankedSteps(host: string): readonly Step[] {
  const input = '.ranked input[type=search]'
  return [
    { what: 'hosts for a VM: filter by name', before: clear(input), act: type(input, host.slice(-3)) },
    { what: 'hosts for a VM: sort by host', before: clear(input), act: sortBy('Host') },
    { what: 'hosts for a VM: scroll', act: scroll },
    { what: 'hosts for a VM: tick one', act: ({ page }) => page.locator(`${RANKED} input`).first().click() },
  ]
}

function ledgerSteps(name: string): readonly Step[] {
  const input = '#main input[type=search]'
  return [
    { what: 'ledger: sort by VM', act: sortBy('VM') },
    { what: 'ledger: sort by gain', act: sortBy('Gain') },
    { what: 'ledger: filter by name', before: clear(input), act: type(input, name.slice(-2)) },
    { what: 'ledger: scroll', before: clear(input), act: scroll },
  ]
}

function switchSteps(): readonly Step[] {
  return PAGES.map(({ name, href, there }) => ({
    what: `switch to ${name}`,
    before: reopen(name === 'Cluster' ? PAGES[0] : CLUSTER),
    act: followTo(name),
    // The link says where one is as soon as the page before is gone.
    there: `body:has(nav a[aria-current=page][href="${href}"]) ${there}`,
  }))
}

function followTo(name: string): Step['act'] {
  return ({ page }) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
}

function sortBy(title: string): Step['act'] {
  return ({ page }) => page.locator('.sort', { hasText: title }).first().click()
}

async function scroll({ page }: ScalePage): Promise<void> {
  await page.locator('.view').first().hover()
  for (let i = 0; i < WHEELS; i++) {
    await page.mouse.wheel(0, WHEEL_PX)
    // Nobody turns a wheel oftener than thirty times a second.
    await page.evaluate('scaleProbe.frame()')
  }
}

async function toTop({ page }: ScalePage): Promise<void> {
  await page.evaluate("document.querySelectorAll('.view').forEach((view) => { view.scrollTop = 0 })")
}

async function point({ page }: ScalePage): Promise<void> {
  const box = await page.locator('.strip').first().boundingBox()
  if (box === null) throw new Error('no load over time is in sight')
  for (let i = 0; i < POINTS; i++) await page.mouse.move(box.x + (i / POINTS) * box.width, box.y + box.height / 2)
}

function type(selector: string, text: string): Step['act'] {
  return ({ page }) => page.locator(selector).first().pressSequentially(text)
}

function clear(selector: string): Step['act'] {
  return ({ page }) => page.locator(selector).first().fill('')
}

function reopen({ name, there }: { readonly name: string; readonly there: string }): Step['act'] {
  return async (page) => {
    await followTo(name)(page)
    await page.page.locator(there).first().waitFor()
  }
}

async function repeat(page: ScalePage, step: Step, times: number): Promise<Interaction> {
  const latency: number[] = []
  const gap: number[] = []
  const cpu: number[] = []
  const there: number[] = []
  for (let i = 0; i < times; i++) {
    await step.before?.(page)
    const felt = await page.feel(async () => {
      await step.act(page)
      if (step.there !== undefined) there.push(await page.since(step.there))
    })
    latency.push(Math.max(felt.latencyMs, felt.eventMs))
    gap.push(felt.frameGapMs)
    cpu.push(felt.cpuMs)
  }
  const spreads = { latencyMs: spreadOf(latency), frameGapMs: spreadOf(gap), cpuMs: spreadOf(cpu) }
  const rows = await page.page.evaluate<number>('scaleProbe.rows()')
  const waited = there.length === 0 ? {} : { thereMs: spreadOf(there) }
  return { what: step.what, ...spreads, ...waited, rows }
}

export function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b)
  const rounded = (at: number): number => Math.round(10 * (sorted[at] ?? NaN)) / 10
  return { times: times.length, least: rounded(0), median: rounded(Math.floor(sorted.length / 2)) }
}
