/** Names of those who mean harm, on every page and in its dialogs: text, and nothing else (reliability tests 56 and 58). The server refuses such names
 *  as ids; the page must not count on that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Locator, Route } from 'playwright-core'
import type { MigrationsView } from '../../../src/apps/server/views/moves.ts'
import { seenMoves } from './approval.ts'
import { fits } from './areas.ts'
import { on, skip } from './stage.ts'

/** Whatever ran would leave this behind; whatever is shown has it in its text. */
const TRACE = 'window.owned=1'
const FLOOD = '\u{1F525}'.repeat(2500)

const MAKERS: readonly ((name: string) => string)[] = [
  (name) => `<img src=x onerror="${TRACE}">${name}`,
  (name) => `=cmd|' /C calc'!A0 <script>${TRACE}</script>${name}`,
  (name) => `\u202Egnp.elif<svg onload=${TRACE}>${name}`,
  (name) => `javascript:${TRACE}//"><iframe srcdoc="<script>${TRACE}</script>">${name}`,
]
/** Ten kilobytes each: few, so that the rest is seen as well. */
const FLOODED: ReadonlySet<string> = new Set(['web-02', 'kvm-03'])

const HOSTILE_ROUTES = /\/v1\/(?!events|session)/
/** Of answers, what people or programs wrote: a sentence of harm stands there as well. */
const FREE = new Set([
  'who',
  'because',
  'detail',
  'remedy',
  'text',
  'description',
  'model',
  'version',
  'store',
  'driver',
])

const hostileOf = new Map<string, string>()
const realOf = new Map<string, string>()
let names = /$./

test('each name of the site has a hostile one for what follows', { skip }, async () => {
  const { bench, page } = on
  const { vms } = await bench.ask<{ vms: { vm: string }[] }>('/v1/vms?limit=1000')
  const { hosts } = await bench.ask<{ hosts: { host: string }[] }>('/v1/hosts?limit=1000')
  const all = [...vms.map(({ vm }) => vm), ...hosts.map(({ host }) => host)]
  all.forEach((name, i) => {
    const hostile = FLOODED.has(name) ? `${name}${FLOOD}${TRACE}` : MAKERS[i % MAKERS.length](name)
    hostileOf.set(name, hostile)
    realOf.set(hostile, name)
  })
  assert.equal(all.length, 152)
  names = new RegExp(`\\b(${all.join('|')})\\b`, 'g')
  await page.route(HOSTILE_ROUTES, turn)
})

const PAGES = ['/', '/hosts', '/vms', '/plan', '/ledger', '/ledger?span=week', '/backtest', '/setup']
const PARTS = ['automation', 'eager', 'budgets', 'rules', 'times', 'maintenance', 'warnings', 'history']

for (const path of PAGES)
  test(`hostile names are text on ${path}`, { skip }, async () => {
    await on.page.goto(`${on.bench.base}${path}`)
    await inert(on.page.locator('#main'))
  })

test('hostile names are text on every part of the policy', { skip }, async () => {
  for (const part of PARTS) {
    await on.page.goto(`${on.bench.base}/policy?part=${part}`)
    await on.page.locator('.part h2').first().waitFor()
    // Not each part names anybody; the bar above all of them does.
    await inert(on.page.locator(['budgets', 'automation'].includes(part) ? '#main' : 'header'))
  }
})

test('hostile names are text on the pages of a VM and of a host, in their addresses and dialogs', {
  skip,
}, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/hosts/${encodeURIComponent(nameOf('kvm-04'))}`)
  await page.getByRole('heading', { level: 1, name: 'kvm-04' }).waitFor()
  await page.locator('canvas').first().waitFor()
  await inert(page.getByRole('table').filter({ hasText: TRACE }).first())
  await page.goto(`${bench.base}/vms/${encodeURIComponent(nameOf('web-03'))}`)
  await page.getByRole('heading', { level: 1, name: 'web-03' }).waitFor()
  await inert(page.locator('section', { hasText: 'Hosts for it' }).getByRole('table').first())
  await dialog('Leave it alone', 'Leave this VM alone', 'Cancel')
})

test('hostile names are text in what is asked before a move, in its flight and in its story', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/plan`)
  await inert(page.getByRole('article').first())
  await dialog('Approve', /^Move /, 'Leave it')
  await dialog('Reject', /^Say no to moving /, 'Leave it')
  await dialog('Postpone', /^Not yet: /, 'Leave it')
  await dialog('article >> text=Cancel', /^Leave /, 'Leave it')
  await dialog('article >> text=Its story', 'The story of a move', 'Close')
})

test('hostile names are text in what is asked before a host is emptied and before automation is raised', {
  skip,
}, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/policy?part=maintenance`)
  await page.getByLabel('Host', { exact: true }).fill(nameOf('kvm-01'))
  await page.getByRole('button', { name: 'Who would go where' }).click()
  await inert(page.getByRole('table'))
  await dialog('Empty it', /^Empty .+\?$/, 'Leave it as it is')
  await page.goto(`${bench.base}/policy?part=automation`)
  await dialog('Raise to full', /^Raise automation/, 'Leave it as it is', 'header')
  await page.unrouteAll({ behavior: 'wait' })
})

/** Opens a dialog, looks at it, and leaves it. @param button its text, or where it is
 *  @param within where the hostile text has to stand; absent: in the dialog */
async function dialog(button: string, title: string | RegExp, leave: string, within?: string): Promise<void> {
  const { page } = on
  const main = page.locator('#main')
  await (button.includes('>>') ? main.locator(button) : main.getByText(button, { exact: true })).first().click()
  const opened = page.getByRole('dialog', { name: title })
  await opened.waitFor()
  await inert(within === undefined ? opened : page.locator(within))
  await opened.getByRole('button', { name: leave, exact: true }).click()
  await opened.waitFor({ state: 'hidden' })
}

/** Waits for a hostile name to be seen there; then nothing of it has run, and nothing of it is more than text. */
async function inert(where: Locator): Promise<void> {
  const { page, bench } = on
  await where.getByText(TRACE).filter({ visible: true }).first().waitFor()
  assert.equal(await page.evaluate('window.owned'), undefined)
  assert.match(await page.title(), /Ethos/)
  assert.ok(page.url().startsWith(`${bench.base}/`))
  const made = '#page :is(img, script, iframe, object, embed, [onerror], [onload], [srcdoc], a[href^="javascript"])'
  assert.equal(await page.locator(made).count(), 0)
  assert.equal(await fits(), true, 'nothing sticks out')
}

function nameOf(real: string): string {
  return hostileOf.get(real) ?? ''
}

/** The server is asked for what it knows, and what it answers is turned. */
async function turn(route: Route): Promise<void> {
  const url = new URL(route.request().url())
  const asked = url.pathname.split('/').map((part) => realOf.get(decodeURIComponent(part)) ?? part)
  const query = [...url.searchParams].map(([key, value]) => [key, realOf.get(value) ?? value] as [string, string])
  const real = `${asked.join('/')}?${new URLSearchParams(query).toString()}`
  const body = route.request().postData()
  const postData =
    body === null ? {} : { postData: JSON.stringify(JSON.parse(body, (_, value) => realOf.get(value) ?? value)) }
  const response = await route.fetch({ url: new URL(real, url).href, ...postData })
  let json: unknown
  try {
    json = await response.json()
  } catch {
    return route.fulfill({ response })
  }
  if (url.pathname === '/v1/migrations') json = { ...(json as MigrationsView), ...someMoves() }
  if (url.pathname === '/v1/status') json = { ...(json as object), degraded: [`kvm-04 is ${TRACE}`] }
  return route.fulfill({ response, json: turned(json, '') })
}

/** There is always something to decide, something on its way, and a budget of which it is part. */
function someMoves(): Partial<MigrationsView> {
  const { proposed, open } = seenMoves
  assert.ok(proposed !== undefined && open !== undefined)
  const proposals = proposed.proposals.map((one) => ({ ...one, id: `${one.id}-again` }))
  const { asOf, budgets } = open
  return { asOf, proposals, open: open.open, ...(budgets === undefined ? {} : { budgets }) }
}

function turned(value: unknown, key: string): unknown {
  if (typeof value === 'string') {
    const text = value.replaceAll(names, (name) => nameOf(name))
    return FREE.has(key) ? `${text} <img src=x onerror="${TRACE}">` : text
  }
  if (Array.isArray(value)) return value.map((one) => turned(one, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.replaceAll(names, (real) => nameOf(real)), turned(one, name)]),
  )
}
