/** A yes of a person, from the proposal to the finished move. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Response } from 'playwright-core'
import type { Static } from 'typebox'
import type { LedgerMovesView } from '../../../src/apps/server/views/ledger.ts'
import type { MigrationsView } from '../../../src/apps/server/views/moves.ts'
import type { PlanView } from '../../../src/apps/server/views/plan.ts'
import type { AuditView } from '../../../src/apps/server/views/site.ts'
import { bytesText, moneyText, pauseText, spanText } from '../../../src/terms/shown.ts'
import { on, setLevel, skip, until } from './stage.ts'

/** Of the move that was approved. */
export const approved = { vm: '', from: '', to: '' }
/** As they were while there was something to see, for journeys that show them otherwise. */
export const seenMoves: { proposed?: MigrationsView; open?: MigrationsView } = {}

/** What the page showed of a VM's move, each time that it changed. */
interface Shown {
  readonly row: string | undefined
  readonly flight: string | undefined
  readonly stage: string | undefined
  readonly canCancel: boolean
  readonly ended: string | undefined
}

test('before the first turn the plan says that there is none, and a proposal comes by itself', { skip }, async () => {
  const { page, bench } = on
  await page.goto(`${bench.base}/plan`)
  await page.getByRole('heading', { level: 1, name: 'Plan' }).waitFor()
  await page.getByText('Automation is off: no turns are taken.').first().waitFor()
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0)
  await setLevel('partial')
  await page.getByRole('button', { name: 'Approve' }).first().waitFor()
  await bench.judging()
})

test('of a planned move it is told why not to other hosts and why not other VMs, as the API has it', {
  skip,
}, async () => {
  const { page, bench } = on
  // What the page shows is read at once: the next turn has another plan.
  const { plan, rows } = await until(async () => {
    const told = await bench.ask<PlanView>('/v1/plans/latest')
    const section = await page.evaluate<{ head: string; rows: readonly string[] }>(PLAN)
    const isSame = section.head.includes(`Turn ${told.turn},`) && section.rows.length === told.moves.length
    return isSame && told.moves.length > 0 ? { plan: told, rows: section.rows } : undefined
  })
  plan.moves.forEach(({ vm, from, otherHosts, otherVms, whyNow }, i) => {
    const { best = [], refused = [], suitable } = otherHosts ?? {}
    assert.ok(best.length > 0 || refused.length > 0, `nothing is told of other hosts for ${vm}`)
    const parts = [
      whyNow,
      `Why not the others Other hosts ${suitable} would have done.`,
      ...best.map(({ host, score }) => `${host} ${score > 0 ? '+' : ''}${moneyText(score)} ${plan.currency}`),
      ...refused.map(({ lacking, hosts, example }) => `${hosts} lack ${lacking.replaceAll('-', ' ')} ${example}`),
      ...(otherVms.length > 0 ? [`Other VMs of ${from}`] : []),
      ...otherVms.map(({ vm: other, reason }) => `${other} ${reason}`),
    ]
    for (const part of parts) assert.ok(rows[i].includes(part.replaceAll(/\s+/g, ' ')), `${part}\n${rows[i]}`)
  })
})

test('a move that a person approves is promised, is seen on its way, and is done once it was seen there', {
  skip,
}, async () => {
  const { page, bench } = on
  const { proposal, moves } = await until(largestProposal)
  Object.assign(approved, proposal)
  seenMoves.proposed = moves
  const { id, vm, from, to } = proposal
  const row = page.locator('section[aria-labelledby="plan"] li').filter({ has: page.getByRole('link', { name: vm }) })
  await row.getByRole('button', { name: 'Approve' }).waitFor()
  await page.evaluate(`(${RECORD})(${JSON.stringify(vm)})`)
  const keepOpen = async (response: Response): Promise<void> => {
    if (!response.url().endsWith('/v1/migrations') || !response.ok()) return
    const told = (await response.json()) as MigrationsView
    if (told.open.length > 0) seenMoves.open = told
  }
  const onResponse = (response: Response): void => void keepOpen(response).catch(() => undefined)
  page.on('response', onResponse)
  await row.getByRole('button', { name: 'Approve' }).click()
  const dialog = page.getByRole('dialog', { name: `Move ${vm} to ${to}?` })
  await dialog.getByText(`${vm} moves from ${from} to ${to}.`).waitFor()
  // In haste: it is asked once.
  await dialog.getByRole('button', { name: 'Move it' }).dblclick()
  await page.getByText(`${vm} is on its way from ${from} to ${to}.`).waitFor()
  const endedTable = page.getByRole('table', { name: 'Moves that ended' })
  await endedTable.getByRole('row').filter({ hasText: vm }).getByText('done', { exact: true }).waitFor()
  page.off('response', onResponse)

  const shown = await page.evaluate<readonly Shown[]>('window.shown')
  const kinds = shown.map(({ flight, ended, row: text }) => ended ?? (flight === undefined ? text : 'under way'))
  assert.deepEqual(distinct(kinds), ['proposed', 'under way', 'done'], JSON.stringify(shown))
  const flights = shown.filter(({ flight }) => flight !== undefined)
  assert.ok(flights.every(({ ended }) => ended === undefined))
  assert.ok(flights.some(({ canCancel }) => canCancel))
  const stages = distinct(flights.map(({ stage }) => stage))
  assert.deepEqual(
    stages,
    STAGES.filter((stage) => stages.includes(stage)),
  )
  const { ended } = await bench.ask<MigrationsView>('/v1/migrations')
  const done = ended.filter((move) => move.id === id)
  assert.deepEqual(
    done.map(({ state, cause }) => [state, cause.kind]),
    [['done', 'operator']],
  )
  const { promise, figures } = done[0]
  assert.ok(promise !== undefined && figures?.totalMs !== undefined)
  const promised = `Promised: ${spanText(promise.totalMs)}, ${bytesText(promise.copiedBytes)}, ${pauseText(promise.downtimeMs)} paused`
  assert.ok(
    flights.every(({ flight }) => flight?.includes(promised)),
    `${promised}\n${JSON.stringify(flights)}`,
  )
  const { records } = await bench.ask<Static<typeof AuditView>>('/v1/audit')
  assert.equal(records.filter(({ what, about }) => what === 'move approved' && about === id).length, 1)
})

test('the ledger has the move with what was promised beside what came', { skip }, async () => {
  const { page, bench } = on
  await page.getByRole('link', { name: 'Ledger', exact: true }).click()
  const row = page
    .getByRole('table', { name: 'Moves, promised against realised' })
    .getByRole('row')
    .filter({ has: page.getByRole('link', { name: approved.vm, exact: true }) })
    .filter({ has: page.getByRole('link', { name: approved.to, exact: true }) })
  await row.getByText(/^done/).waitFor()
  const { moves } = await bench.ask<LedgerMovesView>('/v1/ledger/moves')
  const told = moves.find(({ vm, to }) => vm === approved.vm && to === approved.to)
  const figures = [
    ['Took', told?.migration.totalMs, spanText],
    ['Paused', told?.migration.downtimeMs, pauseText],
    ['Copied', told?.migration.copiedBytes, bytesText],
  ] as const
  for (const [what, figure, textOf] of figures) {
    assert.ok(figure?.promised !== undefined && figure.realised !== undefined, what)
    const label = `${what}: ${textOf(figure.realised)}, promised ${textOf(figure.promised)}`
    await row.getByRole('img', { name: label, exact: true }).waitFor()
    await row.getByText(textOf(figure.realised), { exact: true }).first().waitFor()
  }
})

test('the page of the VM says that it runs on the new host, and how it came there', { skip }, async () => {
  const { page } = on
  await page.getByRole('link', { name: approved.vm, exact: true }).first().click()
  await page.getByRole('heading', { level: 1, name: approved.vm, exact: true }).waitFor()
  const host = page.locator('dt', { hasText: 'Host' }).locator('xpath=..').locator('dd')
  await host.getByRole('link', { name: approved.to, exact: true }).waitFor()
  const row = page.getByRole('group', { name: 'Its moves so far' }).getByRole('row').filter({ hasText: 'done' })
  await row.getByRole('link', { name: approved.from, exact: true }).waitFor()
  await row.getByRole('link', { name: approved.to, exact: true }).waitFor()
})

const STAGES = ['on record', 'asked for', 'at work', 'seen on the target']

/** Runs in the page: whatever is shown of the VM's move is kept, in its order, however short it stands. */
const RECORD = `(vm) => {
  window.shown = []
  const look = () => {
    const link = (root, selector) => [...root.querySelectorAll(selector)].find((one) => one.textContent === vm)
    const row = link(document, 'section[aria-labelledby="plan"] li h3 a.vm')?.closest('li')
    const flight = [...document.querySelectorAll('section[aria-labelledby="open"] article')].find((one) => link(one, 'a'))
    const ended = link(document, '[aria-label="Moves that ended"] [role="row"] a')?.closest('[role="row"]')
    const now = {
      row: row?.querySelector('.standing').textContent.trim().replace(/, .*/, ''),
      flight: flight?.textContent.replace(/\\s+/g, ' '),
      stage: flight?.querySelector('[aria-current="step"]')?.textContent.trim(),
      canCancel: [...(flight?.querySelectorAll('button') ?? [])].some((one) => one.textContent === 'Cancel' && !one.disabled),
      ended: ended?.querySelectorAll('[role="cell"]')[3].textContent.trim(),
    }
    if (JSON.stringify(now) !== JSON.stringify(window.shown.at(-1))) window.shown.push(now)
  }
  look()
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
}`

/** The head of the plan, and its moves in their order: texts, with a space where an element ends. */
const PLAN = `(() => {
  const section = document.querySelector('section[aria-labelledby="plan"]')
  const textOf = (one) => {
    const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT)
    const texts = []
    while (walk.nextNode()) texts.push(walk.currentNode.data)
    return texts.join(' ').replace(/\\s+/g, ' ').trim()
  }
  const list = [...section.querySelectorAll('h2')].find((one) => one.textContent === 'Moves, in order')?.nextElementSibling
  const moves = [list, list?.nextElementSibling].find((one) => one?.tagName === 'OL')
  return { head: section.textContent.replace(/\\s+/g, ' '), rows: [...(moves?.children ?? [])].map(textOf) }
})()`

/** The proposal that copies most: it is seen longest. */
export async function largestProposal() {
  const { bench } = on
  const [moves, plan] = [
    await bench.ask<MigrationsView>('/v1/migrations'),
    await bench.ask<PlanView>('/v1/plans/latest'),
  ]
  const bytesOf = (id: string) => plan.moves.find((move) => move.id === id)?.estimate?.copiedBytes ?? 0
  const [proposal] = moves.proposals.toSorted((a, b) => bytesOf(b.id) - bytesOf(a.id))
  return proposal === undefined ? undefined : { proposal, moves }
}

function distinct<T>(list: readonly (T | undefined)[]): readonly T[] {
  return list.filter((one, i): one is T => one !== undefined && one !== list[i - 1])
}
