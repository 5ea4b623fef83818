/** Each area: what is on its page once the server has answered, and that people can read it, light and dark, wide and narrow. A heading that stands
 *  anyway, or a button that is on each page, tells of no answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { on, skip } from './stage.ts'

export const AREAS = [
  {
    path: '/',
    heading: 'Cluster, now and next',
    shows: 'role=table[name="Hosts with their load over time"] >> role=link',
  },
  { path: '/hosts', heading: 'Hosts', shows: 'role=link[name="kvm-04"]' },
  { path: '/hosts/kvm-04', heading: 'kvm-04', shows: 'canvas' },
  { path: '/vms', heading: 'VMs', shows: 'role=table >> role=link' },
  {
    path: '/vms/web-01',
    heading: 'web-01',
    shows: 'role=table[name="Hosts that can take this VM, the best first"] >> role=link',
  },
  { path: '/plan', heading: 'Plan', shows: 'text=What was not done' },
  { path: '/ledger', heading: 'Ledger', shows: 'role=table[name="Moves, promised against realised"] >> role=link' },
  { path: '/backtest', heading: 'Backtest', shows: '#main details > summary' },
  { path: '/policy', heading: 'Policy', shows: 'text=Lower to shadow' },
  { path: '/setup', heading: 'Setup', shows: '#main li.step' },
] as const

interface Look {
  readonly colorScheme: 'light' | 'dark'
  readonly size: { readonly width: number; readonly height: number }
}

export const WIDE = { width: 1280, height: 900 }
export const NARROW = { width: 390, height: 844 }
/** The first is that in which the page comes. What a narrow page has wrong in its shape alone, it has in the dark as well. */
const LOOKS = [
  { colorScheme: 'light', size: WIDE },
  { colorScheme: 'dark', size: WIDE },
  { colorScheme: 'dark', size: NARROW },
] as const satisfies readonly Look[]

for (const { path, heading, shows } of AREAS)
  test(`${path} shows what the server tells, and axe finds nothing serious, light and dark, wide and narrow`, {
    skip,
  }, async () => {
    const { page, bench } = on
    await page.goto(`${bench.base}${path}`)
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
    await page.locator(shows).first().waitFor()
    assert.deepEqual(await wrongWith(page, LOOKS), [])
  })

/** What axe finds serious on a page as it is now, in each of the looks, and whether it is wider than its window. The page is left light and wide. */
export async function wrongWith(page: Page, looks: readonly Look[]): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const found: string[] = []
  for (const { colorScheme, size } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(size)
    const look = `${colorScheme}, ${size.width} wide`
    found.push(...(await page.evaluate<readonly string[]>(FIND)).map((one) => `${look}: ${one}`))
    if (!(await fits(page))) found.push(`${look}: the page is wider than its window`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(WIDE)
  return found
}

/** Whether nothing sticks out at the side. */
export function fits(page = on.page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth <= innerWidth')
}

/** One run at a time: a page that changes meanwhile is looked at as it is. */
const FIND = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => id + ' ' + html.slice(0, 200))))`
