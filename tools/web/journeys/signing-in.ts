import assert from 'node:assert/strict'
import { test } from 'node:test'
import { on, skip } from './stage.ts'

test('a one-time token in the address signs one browser in, and is off the address at once', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/#token=${bench.demo.server.makeOneTimeToken('admin')}`)
  await page.waitForSelector('#main')
  assert.equal(await page.evaluate('location.hash'), '')
  const cookies = await page.context().cookies()
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })),
    [{ httpOnly: true, sameSite: 'Strict' }],
  )
})
