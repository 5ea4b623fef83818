/** What is not an area of its own and has to be readable all the same: signing in, a dialog, two hosts side by side, the parts of the policy; and what
 *  stops everything is in sight wherever one stands. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostsForView } from '../../../src/apps/server/views/judgement.ts'
import { NARROW, WIDE, wrongWith } from './areas.ts'
import { on, skip } from './stage.ts'

const LIGHT = { colorScheme: 'light', size: WIDE } as const
const DARK = { colorScheme: 'dark', size: NARROW } as const

test('axe finds nothing serious where one signs in, in a dialog, and where two hosts are compared', {
  skip,
}, async () => {
  const { page, bench } = on
  const visitor = await bench.visitor()
  await visitor.goto(`${bench.base}/`)
  await visitor.getByLabel('API token').waitFor()
  const signIn = await wrongWith(visitor, [LIGHT, DARK])
  await visitor.context().close()

  await page.goto(`${bench.base}/vms/web-01`)
  await page.getByRole('button', { name: 'Leave it alone' }).click()
  const opened = page.getByRole('dialog', { name: 'Leave this VM alone' })
  await opened.waitFor()
  const dialog = await wrongWith(page, [LIGHT, DARK])
  await opened.getByRole('button', { name: 'Cancel' }).click()

  const { ranked, refused } = await bench.ask<HostsForView>('/v1/vms/web-01/hosts')
  const [one, other] = [...ranked, ...refused]
  await page.goto(`${bench.base}/vms/web-01?host=${one.host}&beside=${other.host}`)
  await page.getByRole('group', { name: `web-01 on ${one.host} and on ${other.host}` }).waitFor()
  const compared = await wrongWith(page, [LIGHT, DARK])
  assert.deepEqual({ signIn, dialog, compared }, { signIn: [], dialog: [], compared: [] })
})

/** What is there once the server has answered. */
const PARTS = [
  ['automation', 'text=Lower to shadow'],
  ['eager', '.field'],
  ['budgets', 'text=Used now'],
  ['times', '.week'],
  ['rules', '.part h2'],
  ['maintenance', '.part h2'],
  ['warnings', 'text=None is accepted.'],
  ['history', 'section[aria-labelledby="history"] :is(ol > li, .state)'],
] as const

test('axe finds nothing serious on any part of the policy, dark and narrow', {
  skip,
}, async () => {
  const { page, bench } = on
  const found: string[] = []
  for (const [part, shows] of PARTS) {
    await page.goto(`${bench.base}/policy?part=${part}`)
    await page.locator(shows).first().waitFor()
    await page
      .getByText(/^Asking for /)
      .first()
      .waitFor({ state: 'detached' })
    found.push(...(await wrongWith(page, [DARK])).map((one) => `${part}: ${one}`))
  }
  assert.deepEqual(found, [])
})

const LONG = [
  ['/vms/web-01', '.ranked'],
  ['/policy?part=eager', '.field'],
] as const

for (const size of [WIDE, NARROW])
  test(`what stops everything is in sight at the beginning and at the end of long pages, ${size.width} wide`, {
    skip,
  }, async () => {
    const { page, bench } = on
    await page.setViewportSize(size)
    for (const [path, shows] of LONG) {
      await page.goto(`${bench.base}${path}`)
      await page.getByRole('button', { name: 'Stop all automation' }).waitFor()
      await page.locator(shows).last().waitFor()
      for (const where of ['0', 'document.documentElement.scrollHeight']) {
        await page.evaluate(`scrollTo({ top: ${where}, behavior: 'instant' })`)
        assert.equal(await page.evaluate(IS_IN_SIGHT), true, `${path}, at ${where}`)
      }
      assert.ok(
        await page.evaluate<boolean>("scrollY > document.querySelector('header').offsetHeight"),
        `${path} is not long: it proves nothing`,
      )
    }
    await page.setViewportSize(WIDE)
  })

/** Whole, and nothing lies over it. */
const IS_IN_SIGHT = `(() => {
  const kill = document.querySelector('.kill button')
  const { left, right, top, bottom } = kill.getBoundingClientRect()
  const isWithin = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
  return isWithin && kill.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2))
})()`
