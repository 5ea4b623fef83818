/** What memory the page comes to, once somebody has been everywhere on it. */
import { until } from '../../server/live-site.ts'
import { type Memory, PlainBrowser } from './plain-browser.ts'
import type { ScaleSite } from './site.ts'

export interface MemoryFigures {
  /** Of a page with nothing on it. */
  readonly empty: Memory
  /** Once the list of hosts stands there. */
  readonly first: Memory
  /** The most of each that was seen on the way, with whatever garbage there was. */
  readonly most: Memory
  /** At the end, on the list of VMs, once garbage was collected. */
  readonly last: Memory
}

/** Everywhere that lists are long, and where nothing is. */
const HREFS = ['/', '/hosts', '/vms', '/plan', '/ledger', '/policy', '/setup'] as const

/** Goes there by its link, waits for what is there, sorts by each column twice and scrolls to the end: as a text, for it runs in the page. */
const VISIT = `async (href) => {
  const frames = async (count) => { while (count-- > 0) await new Promise(requestAnimationFrame) }
  const until = async (selector) => {
    for (let i = 0; i < 3600 && document.querySelector(selector) === null; i++) await frames(1)
    if (document.querySelector(selector) === null) throw new Error('nothing is ' + selector + ' at ' + location.href)
  }
  const link = 'nav a[href="' + href + '"]'
  await until(link)
  document.querySelector(link).click()
  await until('nav a[aria-current=page][href="' + href + '"]')
  await until(['/', '/hosts', '/vms'].includes(href) ? '.body [role=row] a' : '#main h1')
  const look = async () => {
    await frames(2)
    for (const sort of document.querySelectorAll('.sort')) {
      sort.click()
      await frames(2)
    }
    for (const view of document.querySelectorAll('.view'))
      for (let i = 0; i < 20; i++) {
        view.scrollTop = i * view.scrollHeight / 20
        await frames(1)
      }
  }
  await look()
  if (href !== '/vms') return
  document.querySelector('.body [role=row] a').click()
  await until('.ranked [role=row] a')
  await look()
  history.back()
  await until('.body [role=row] a')
}`

/** Goes everywhere so many times. */
export async function measureMemory({ base, token }: ScaleSite, times: number): Promise<MemoryFigures> {
  const browser = await PlainBrowser.begin(base, await signIn(base, token))
  try {
    const empty = await browser.memory()
    await browser.go(`${base}/`)
    await until('the page is there', async () => (await browser.evaluate('location.pathname')) === '/')
    await browser.evaluate(`(${VISIT})('/')`)
    const first = await browser.memory()
    const seen = [first]
    for (let i = 0; i < times; i++)
      for (const href of HREFS) {
        await browser.evaluate(`(${VISIT})(${JSON.stringify(href)})`)
        seen.push(await browser.memory())
      }
    await browser.evaluate(`(${VISIT})('/vms')`)
    await browser.collectGarbage()
    return { empty, first, most: mostOf(seen), last: await browser.memory() }
  } finally {
    await browser.end()
  }
}

async function signIn(base: string, token: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${base}/v1/session`, { method: 'POST', headers, body: JSON.stringify({ token }) })
  const [cookie] = answer.headers.getSetCookie()
  if (!answer.ok || cookie === undefined) throw new Error(`sign-in: ${answer.status}`)
  return cookie.split(';')[0]
}

function mostOf(all: readonly Memory[]): Memory {
  const most = (of: (one: Memory) => number): number => Math.max(...all.map(of))
  return {
    heapMiB: most(({ heapMiB }) => heapMiB),
    ownMiB: most(({ ownMiB }) => ownMiB),
    residentMiB: most(({ residentMiB }) => residentMiB),
  }
}
