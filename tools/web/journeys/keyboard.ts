/** Without a pointer: another operator signs in, says no with a reason, and stops all automation; and meets who had the same proposal open. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { MigrationsView, ProposalView } from '../../../src/apps/server/views/moves.ts'
import type { AutomationView } from '../../../src/apps/server/views/site.ts'
import { on, setLevel, skip, until } from './stage.ts'

const REASON = 'Its licence is bound to this host.'
const TABS_MAX = 150
let keys: Page
let proposal: ProposalView

test('with keys alone somebody signs in and comes to the plan, and always sees where they are', { skip }, async () => {
  const { bench } = on
  keys = await bench.visitor()
  await keys.goto(`${bench.base}/`)
  await keys.getByLabel('API token').waitFor()
  await tabTo(keys, 'API token')
  await keys.keyboard.type(String(bench.demo.server.firstToken))
  await keys.keyboard.press('Enter')
  await keys.getByRole('heading', { level: 1, name: 'Cluster, now and next' }).waitFor()
  await keys.getByRole('status').filter({ hasText: 'Loading' }).waitFor({ state: 'detached' })
  // The first stop leads past what is the same on every page.
  await tabTo(keys, 'To the content', 1)
  await keys.keyboard.press('Enter')
  assert.equal(await keys.evaluate('document.activeElement.id'), 'main')
  await keys.keyboard.press('Shift+Tab')
  await tabTo(keys, 'Plan', TABS_MAX, 'Shift+Tab')
  await keys.keyboard.press('Enter')
  await keys.getByRole('heading', { level: 1, name: 'Plan' }).waitFor()
})

test('with keys alone a proposal is rejected with a reason, and the focus comes back from each dialog', {
  skip,
}, async () => {
  const { bench, page } = on
  proposal = await until(async () => (await bench.ask<MigrationsView>('/v1/migrations')).proposals.at(0))
  const { vm, to } = proposal
  // Of the turn before: from now on it stands in its place.
  await keys
    .locator('h2:text("Proposed by earlier turns") + ol > li')
    .getByRole('link', { name: vm, exact: true })
    .waitFor()
  // The admin looks at the same meanwhile, and is about to say yes.
  await page.goto(`${bench.base}/plan`)
  await rowOf(page, vm).getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('dialog', { name: `Move ${vm} to ${to}?` }).waitFor()

  const reject = rowOf(keys, vm).getByRole('button', { name: 'Reject' })
  await reject.waitFor()
  const isThere = (): Promise<boolean> => reject.evaluate((one) => one.matches(':focus'))
  for (let tabs = 0; !(await isThere()); tabs++) {
    assert.ok(tabs < TABS_MAX, 'the button is never reached')
    await tab(keys)
  }
  const dialog = keys.getByRole('dialog', { name: `Say no to moving ${vm} to ${to}?` })
  await keys.keyboard.press('Enter')
  await dialog.waitFor()
  assert.equal(await keys.evaluate(`document.querySelector('dialog[open]').contains(document.activeElement)`), true)
  await keys.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  assert.equal(await isThere(), true, 'the focus is where it was before the dialog')
  await keys.keyboard.press('Enter')
  await dialog.waitFor()
  // What has to be said has the focus at once. Without a reason nothing is said.
  assert.equal((await focused(keys)).name, 'Why: whoever wonders later will read it')
  await keys.keyboard.press('Enter')
  assert.equal(await dialog.isVisible(), true)
  await keys.keyboard.type(REASON)
  await keys.keyboard.press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  const { objections } = await bench.ask<MigrationsView>('/v1/migrations')
  const mine = objections?.filter((one) => one.id === proposal.id)
  assert.deepEqual(
    mine?.map(({ what, because }) => [what, because]),
    [['rejected', REASON]],
  )
})

test('two operators at once: who says yes after a no is told who said it, until when and why, and nothing moves', {
  skip,
}, async () => {
  const { bench, page } = on
  const { id, vm, to } = proposal
  const dialog = page.getByRole('dialog', { name: `Move ${vm} to ${to}?` })
  await dialog.getByRole('button', { name: 'Move it' }).click()
  const refused = dialog.getByRole('alert')
  await refused.getByText('Not done.', { exact: true }).waitFor()
  await refused.getByText(/^It was rejected by .+, until .+ UTC: /).waitFor()
  assert.ok((await refused.textContent())?.includes(REASON))
  await dialog.getByRole('button', { name: 'Leave it' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const { open, ended } = await bench.ask<MigrationsView>('/v1/migrations')
  assert.ok([...open, ...ended].every((move) => move.id !== id))
  assert.ok(bench.forgive(/status of 409/) > 0)
})

test('with keys alone all automation is stopped from where one stands, and the other operator sees it', {
  skip,
}, async () => {
  const { bench, page } = on
  await tabTo(keys, 'Stop all automation', TABS_MAX, 'Shift+Tab')
  await keys.keyboard.press('Space')
  await keys.getByText('Automation is paused').waitFor()
  await page.getByText('Automation is paused').waitFor()
  const { isPaused, level } = await bench.ask<AutomationView>('/v1/automation')
  assert.deepEqual([isPaused, level], [true, 'partial'])
  await keys.context().close()
  await setLevel('partial')
})

function rowOf(of: Page, vm: string) {
  const link = of.getByRole('link', { name: vm, exact: true })
  return of.locator('section[aria-labelledby="plan"] li').filter({ has: link })
}

/** Goes on by the key until an element of that name has the focus; at each stop it has to be seen. */
async function tabTo(of: Page, name: string, most = TABS_MAX, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = []
  while (passed.at(-1) !== name) {
    assert.ok(passed.length < most, `${name} is not among: ${passed.join(' | ')}`)
    passed.push(await tab(of, key))
  }
}

/** One step. What then has the focus, by its name. */
async function tab(of: Page, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<string> {
  await of.keyboard.press(key)
  const { name, isSeen } = await focused(of)
  assert.ok(isSeen, `where one stands is not seen: ${name}`)
  return name
}

function focused(of: Page): Promise<{ readonly name: string; readonly isSeen: boolean }> {
  return of.evaluate(FOCUS)
}

const FOCUS = `(() => {
  const one = document.activeElement
  if (one === document.body) return { name: 'what the browser itself has', isSeen: true }
  const label = one.labels?.[0]?.textContent ?? one.getAttribute('aria-label') ?? one.textContent
  const { outlineStyle, outlineWidth } = getComputedStyle(one)
  const { width, height, left, right, top, bottom } = one.getBoundingClientRect()
  const isInSight = width > 0 && height > 0 && right > 0 && left < innerWidth && bottom > 0 && top < innerHeight
  return { name: label.trim().replace(/\\s+/g, ' '), isSeen: isInSight && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 }
})()`
