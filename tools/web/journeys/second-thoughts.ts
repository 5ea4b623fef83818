/** What people do and take back: a postponement, a move that is under way, a policy. Each is held against what the API says came of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Response, Route } from 'playwright-core'
import type { Static } from 'typebox'
import type { MigrationsView } from '../../../src/apps/server/views/moves.ts'
import type { PolicyPreviewView } from '../../../src/apps/server/views/preview.ts'
import type { AuditView, PolicyView } from '../../../src/apps/server/views/site.ts'
import type { VmView } from '../../../src/apps/server/views/vms.ts'
import { bytesText, instantText, numberText, spanText } from '../../../src/terms/shown.ts'
import { HOUR_MS } from '../../../src/terms/units.ts'
import { largestProposal } from './approval.ts'
import { on, skip, until } from './stage.ts'

const REASON = 'After the backup of tonight.'
/** Moves may end before anybody gets to cancel them. */
const TRIES_MAX = 5

test('a proposal is postponed with a reason, which is told until when, and taken back', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/plan`)
  const { proposal } = await until(largestProposal)
  const { id, vm, to } = proposal
  await rowOf(vm).getByRole('button', { name: 'Postpone' }).click()
  const dialog = page.getByRole('dialog', { name: `Not yet: ${vm} to ${to}` })
  await dialog.getByRole('radio', { name: spanText(8 * HOUR_MS) }).check()
  await dialog.getByLabel(/^Why \(may be left out\)/).fill(REASON)
  await dialog.getByRole('button', { name: 'Postpone it' }).click()
  await dialog.waitFor({ state: 'hidden' })
  const { objections, asOf } = await bench.ask<MigrationsView>('/v1/migrations')
  const mine = objections?.find((one) => one.id === id)
  assert.deepEqual([mine?.what, mine?.because], ['postponed', REASON])
  assert.ok(mine !== undefined && mine.until > asOf + 7 * HOUR_MS && mine.until < asOf + 9 * HOUR_MS)
  const entry = page.locator('.entry').filter({ has: page.getByRole('link', { name: vm, exact: true }) })
  await entry
    .getByText(`postponed by ${mine.who} until ${instantText(mine.until)}: ${REASON}`, { exact: true })
    .waitFor()

  await entry.getByRole('button', { name: 'Take it back' }).click()
  const back = page.getByRole('dialog', { name: `Postpone ${vm} no longer?` })
  await back.getByRole('button', { name: 'Take it back' }).click()
  await entry.waitFor({ state: 'detached' })
  const after = await bench.ask<MigrationsView>('/v1/migrations')
  assert.ok(after.objections?.every((one) => one.id !== id))
})

test('a move under way is cancelled from its page, or has just ended: the page, the API and the VM’s host agree', {
  skip,
}, async () => {
  const { page, bench } = on
  let cancelled: { id: string; vm: string; from: string; to: string } | undefined
  for (let tries = 0; cancelled === undefined && tries < TRIES_MAX; tries++) {
    const { proposal } = await until(largestProposal)
    if (await isCancelled(proposal)) cancelled = proposal
  }
  assert.ok(cancelled !== undefined, `each of ${TRIES_MAX} moves ended before it could be cancelled`)
  const { id, vm, from, to } = cancelled
  const came = await until(async () => {
    const { ended } = await bench.ask<MigrationsView>('/v1/migrations')
    return ended.find((move) => move.id === id)
  })
  assert.ok(came.state === 'aborted' || came.state === 'done', came.state)
  const row = page.getByRole('table', { name: 'Moves that ended' }).getByRole('row').filter({ hasText: vm }).first()
  await row.getByText(came.state, { exact: true }).waitFor()
  await row.getByText(`${from} → ${to}`).waitFor()
  const { host } = await bench.ask<VmView>(`/v1/vms/${vm}`)
  assert.equal(host, came.state === 'done' ? to : from)
  const { records } = await bench.ask<Static<typeof AuditView>>('/v1/audit')
  assert.ok(
    records.some(({ what }) => what.includes('cancel')),
    'who cancelled is on record',
  )
})

/** Says yes to a proposal and no to the move that comes of it. False: it had ended before. */
async function isCancelled({ vm, from, to }: { vm: string; from: string; to: string }): Promise<boolean> {
  const { page } = on
  await rowOf(vm).getByRole('button', { name: 'Approve' }).click()
  await page
    .getByRole('dialog', { name: `Move ${vm} to ${to}?` })
    .getByRole('button', { name: 'Move it' })
    .click()
  const flight = page.getByRole('article', { name: `${vm}, under way from ${from} to ${to}` })
  const ended = page.getByRole('table', { name: 'Moves that ended' }).getByRole('row').filter({ hasText: vm })
  await flight.or(ended).first().waitFor()
  try {
    await flight.getByRole('button', { name: 'Cancel' }).click({ timeout: 3000 })
  } catch {
    return false
  }
  const dialog = page.getByRole('dialog', { name: `Leave ${vm} on ${from}?` })
  await dialog.getByRole('button', { name: 'Cancel the move' }).click()
  const refused = dialog.getByRole('alert')
  await refused.or(page.locator('.said span')).first().waitFor()
  if (!(await refused.isVisible())) return true
  await dialog.getByRole('button', { name: 'Leave it' }).click()
  on.bench.forgive(/plan: .*status of 40[49]/)
  return false
}

function rowOf(vm: string) {
  const link = on.page.getByRole('link', { name: vm, exact: true })
  return on.page.locator('section[aria-labelledby="plan"] li').filter({ has: link })
}

const FIELD = 'Moves of one turn'

test('a policy is changed after a look at what it would have done, stands in the history, and is gone back to', {
  skip,
}, async () => {
  const { page, bench } = on
  const shipped = await bench.ask<PolicyView>('/v1/policy')
  // There is something to go back to once somebody has set it.
  const first = await bench.ask<PolicyView>('/v1/policy', 'PUT', { replaces: shipped.version, policy: shipped.policy })
  await page.goto(`${bench.base}/policy?part=eager`)
  const field = page.getByLabel(FIELD, { exact: true })
  const before = await field.inputValue()
  await field.fill('3')
  assert.notEqual(before, '3')
  await lookAndSave(first.version + 1)
  const second = await bench.ask<PolicyView>('/v1/policy')
  assert.equal(second.version, first.version + 1)
  assert.equal(movesPerTurn(second), 3)

  await page.getByRole('link', { name: 'History', exact: true }).click()
  const versions = page.locator('section[aria-labelledby="history"] ol > li')
  const [newest, older] = [versions.nth(0), versions.nth(1)]
  await newest.getByText(`Version ${second.version}`, { exact: true }).waitFor()
  await newest.getByText('It stands', { exact: true }).waitFor()
  const changes = (await newest.locator('ul > li').allTextContents()).map((text) => text.replaceAll(/\s+/g, ' ').trim())
  assert.deepEqual(changes, [`${FIELD} ${before} → 3`])
  await older.getByText(`Version ${first.version}`, { exact: true }).waitFor()
  await older.getByRole('button', { name: 'Go back to it…' }).click()
  await page.getByRole('heading', { name: 'How ready it is to move' }).waitFor()
  assert.equal(await field.inputValue(), before)
  // The way back asks for a look as well; of an hour, it is the same way in less time.
  await page.route('**/v1/policy/preview', shorten)
  await lookAndSave(first.version + 2)
  await page.unroute('**/v1/policy/preview', shorten)
  const third = await bench.ask<PolicyView>('/v1/policy')
  assert.equal(third.version, first.version + 2)
  assert.deepEqual(third.policy, first.policy)
})

async function shorten(route: Route): Promise<void> {
  const body = route.request().postDataJSON() as object
  await route.continue({ postData: JSON.stringify({ ...body, spanMs: HOUR_MS }) })
}

function movesPerTurn({ policy }: PolicyView): unknown {
  return (policy as { gates?: { movesPerTurnMax?: unknown } }).gates?.movesPerTurnMax
}

/** Nothing is saved unseen: the replay is asked for, its figures are those of the API, and then it is saved. */
async function lookAndSave(version: number): Promise<void> {
  const { page } = on
  let told: PolicyPreviewView | undefined
  const keep = async (response: Response): Promise<void> => {
    if (response.url().includes('/v1/policy/preview') && response.ok())
      told = (await response.json()) as PolicyPreviewView
  }
  const onResponse = (response: Response): void => void keep(response).catch(() => undefined)
  page.on('response', onResponse)
  await page.getByRole('button', { name: 'What it would have done to the last day' }).click()
  const preview = page.locator('.preview')
  await preview.getByRole('table').first().waitFor()
  page.off('response', onResponse)
  const result = told?.result
  assert.ok(result !== undefined, JSON.stringify(told))
  const figures = [
    ['Time in contention', spanText(result.current.contentionMs), spanText(result.proposed.contentionMs)],
    ['Moves', numberText(result.current.moves), numberText(result.proposed.moves)],
    ['Memory sent', bytesText(result.current.copiedBytes), bytesText(result.proposed.copiedBytes)],
  ] as const
  for (const [name, ...sides] of figures) {
    const row = preview.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) })
    assert.deepEqual((await row.getByRole('cell').allTextContents()).slice(0, 2), sides, name)
  }
  await page.getByRole('button', { name: `Save as version ${version}`, exact: true }).click()
  await page.getByText(`Version ${version} stands from now on.`, { exact: true }).waitFor()
}
