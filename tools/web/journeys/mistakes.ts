/** What operators do by mistake, on the page: refused, or the same as once, with a clear reason; and whatever takes long can be ended (reliability tests
 *  56 and 58). Two operators at once are in `keyboard.ts`, a double click on a yes in `approval.ts`, a cluster without hosts in `restart.browser.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Request } from 'playwright-core'
import type { Static } from 'typebox'
import type { BacktestSummary } from '../../../src/apps/server/views/backtests.ts'
import type { MaintenancesView, OptOutsView } from '../../../src/apps/server/views/moves.ts'
import type { AuditView, AutomationView, PolicyView } from '../../../src/apps/server/views/site.ts'
import type { VmsView } from '../../../src/apps/server/views/vms.ts'
import { on, setLevel, skip, until } from './stage.ts'

/** Outside of these the VMs' memory still has room; with one more it has not. */
const DRAINED = ['kvm-01', 'kvm-02', 'kvm-03', 'kvm-04', 'kvm-05']
const ONE_MORE = 'kvm-06'

test('hosts are not emptied until there is no room left: the one too many is refused with the reason', {
  skip,
}, async () => {
  const { page, bench } = on
  await setLevel('advisory')
  for (const host of DRAINED) await bench.ask(`/v1/hosts/${host}/maintenance`, 'PUT', { reason: 'new disks' })
  // Once more is the same as once.
  await bench.ask(`/v1/hosts/${DRAINED[0]}/maintenance`, 'PUT', { reason: 'new disks' })
  await page.goto(`${bench.base}/policy?part=maintenance`)
  await page.getByText('hosts in maintenance take no VM, and keep those that they have').waitFor()
  await page
    .getByRole('button', { name: 'End its maintenance' })
    .nth(DRAINED.length - 1)
    .waitFor()
  await page.getByLabel('Host', { exact: true }).fill(ONE_MORE)
  await page.getByRole('button', { name: 'Who would go where' }).click()
  await page.getByRole('button', { name: 'Empty it' }).click()
  const dialog = page.getByRole('dialog', { name: `Empty ${ONE_MORE}?` })
  await dialog.getByLabel('Reason, for people').fill('new disks as well')
  await dialog.getByRole('button', { name: 'Empty it' }).dblclick()
  const refused = dialog.getByRole('alert')
  await refused.getByText(/^Not ordered: .+ GiB of memory, and hosts outside maintenance may hold .+ GiB\./).waitFor()
  assert.match((await refused.textContent()) ?? '', /Bring a host back from maintenance first, or add one\./)
  await dialog.getByRole('button', { name: 'Leave it as it is' }).click()
  const { hosts } = await bench.ask<MaintenancesView>('/v1/maintenance')
  assert.deepEqual(hosts.map(({ host }) => host).sort(), DRAINED)
  assert.ok(bench.forgive(/policy\?part=maintenance: .*status of 409/) > 0)
})

test('rules that contradict each other are refused together, and force has to be asked for', { skip }, async () => {
  const { page, bench } = on
  const { vms } = await bench.ask<VmsView>('/v1/vms?limit=1000')
  const vm = vms.find(({ host }) => host === DRAINED[2])?.vm ?? ''
  await page.goto(`${bench.base}/policy?part=rules`)
  await page.getByLabel('Leave this VM alone, whoever asks').fill(vm)
  await page.getByLabel('Reason', { exact: true }).fill('its licence')
  await page.getByRole('button', { name: 'Opt it out', exact: true }).click()
  await page
    .getByRole('alert')
    .getByText(/^Not set: That contradicts what is set already\./)
    .waitFor()
  await page.getByRole('button', { name: 'Opt it out all the same' }).waitFor()
  assert.deepEqual((await bench.ask<Static<typeof OptOutsView>>('/v1/opt-outs')).vms, [])
  assert.ok(bench.forgive(/policy\?part=rules: .*status of 409/) > 0)
  for (const host of DRAINED) await bench.ask(`/v1/hosts/${host}/maintenance`, 'DELETE')
  await setLevel('partial')
})

test('a budget of a billion is refused with its bound, and one of nothing is said to be none and looked at before it is saved', {
  skip,
}, async () => {
  const { page, bench } = on
  const before = await bench.ask<PolicyView>('/v1/policy')
  await page.goto(`${bench.base}/policy?part=eager`)
  const save = page.getByRole('button', { name: `Save as version ${before.version + 1}` })
  const field = page.getByLabel('Contention begins above')
  for (const nonsense of ['0', '1000000000']) {
    await field.fill(nonsense)
    await page.locator('.field').filter({ has: field }).getByText('is not usable. Expected').waitFor()
    assert.equal(await field.getAttribute('aria-invalid'), 'true')
    assert.equal(await save.isDisabled(), true)
    assert.equal(await save.getAttribute('title'), 'Fields that can’t be understood are marked.')
  }
  await page.getByRole('button', { name: 'Discard' }).click()
  const budget = page.getByLabel('Moves of one turn')
  const row = page.locator('.field').filter({ has: budget })
  await budget.fill('1000000000')
  await row.getByText('1000000000 is not usable. Expected a whole number from 0 to 10000').waitFor()
  assert.equal(await save.isDisabled(), true)
  assert.equal(await save.getAttribute('title'), 'Fields that can’t be understood are marked.')
  await budget.fill('0')
  await row.getByText('0: nothing is moved by it.').waitFor()
  await page.locator('.changes li').filter({ hasText: 'Moves of one turn' }).getByText('nothing is moved').waitFor()
  assert.equal(await save.isDisabled(), true)
  assert.equal(await save.getAttribute('title'), 'Look at what it would have done first.')
  // A look takes long, and can be left.
  await page.getByRole('button', { name: 'What it would have done to the last day' }).click()
  await page.getByRole('progressbar', { name: 'Replay of the last day' }).waitFor()
  await page.getByRole('button', { name: 'Leave it', exact: true }).click()
  await page.getByRole('progressbar', { name: 'Replay of the last day' }).waitFor({ state: 'detached' })
  assert.equal(await save.isDisabled(), true)
  await page.getByRole('button', { name: 'Discard' }).click()
  assert.deepEqual(await bench.ask<PolicyView>('/v1/policy'), before)
})

test('a backtest shows how far it is and can be cancelled', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/backtest`)
  await page.getByRole('button', { name: 'Run it' }).dblclick()
  const runs = page.getByRole('table', { name: 'Backtests that are kept' })
  await runs.getByRole('progressbar', { name: 'How far it is' }).waitFor()
  await runs.getByRole('button', { name: 'Cancel' }).click()
  await runs.getByText('cancelled').waitFor()
  const { backtests } = await bench.ask<{ backtests: BacktestSummary[] }>('/v1/backtests')
  assert.deepEqual(
    backtests.map(({ state }) => state),
    ['cancelled'],
  )
  bench.forgive(/backtest\S*: .*status of 409/)
})

test('the way back and forth asks to see, and never does anything again', { skip }, async () => {
  const { page, bench } = on
  const asked: string[] = []
  const note = (request: Request): void => void asked.push(request.method())
  await page.goto(`${bench.base}/plan`)
  await page.getByRole('link', { name: 'Ledger', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Ledger' }).waitFor()
  page.on('request', note)
  for (const [go, heading] of [
    ['goBack', 'Plan'],
    ['goBack', 'Backtest'],
    ['goForward', 'Plan'],
    ['goForward', 'Ledger'],
  ] as const) {
    await page[go]()
    await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
  }
  page.off('request', note)
  assert.ok(asked.length > 0)
  assert.deepEqual([...new Set(asked)], ['GET'])
})

test('to raise automation a person shows their token once more and types the level, and that is on record', {
  skip,
}, async () => {
  const { bench } = on
  const page = await bench.visitor()
  await page.goto(`${bench.base}/policy?part=automation`)
  await page.getByLabel('API token').fill(String(bench.demo.server.firstToken))
  await page.getByRole('button', { name: 'Sign in' }).click()
  const raised = await timesRaised()
  await page.getByRole('button', { name: 'Raise to full' }).click()
  const dialog = page.getByRole('dialog', { name: 'Raise automation from partial to full?' })
  await dialog.getByLabel('The level once more: type full').fill('full')
  const send = dialog.getByRole('button', { name: 'Set full' })
  assert.equal(await send.isDisabled(), true)
  const token = dialog.getByLabel('The token that you signed in with')
  await token.fill(String(bench.demo.server.firstToken).replace(/.{4}$/, 'AAAA'))
  await send.click()
  await dialog
    .getByRole('alert')
    .getByText(/^Not set: /)
    .waitFor()
  assert.equal((await bench.ask<AutomationView>('/v1/automation')).level, 'partial')
  assert.equal(await timesRaised(), raised)
  await token.fill(String(bench.demo.server.firstToken))
  await send.click()
  await dialog.waitFor({ state: 'hidden' })
  assert.equal((await bench.ask<AutomationView>('/v1/automation')).level, 'full')
  assert.equal(await timesRaised(), raised + 1)
  assert.ok(bench.forgive(/policy\?part=automation: .*status of 40[13]/) > 0)
  await page.context().close()
  await setLevel('partial')
})

function timesRaised(): Promise<number> {
  return until(async () => {
    const { records } = await on.bench.ask<Static<typeof AuditView>>('/v1/audit')
    return records.filter(({ what }) => what === 'automation raised').length
  })
}
