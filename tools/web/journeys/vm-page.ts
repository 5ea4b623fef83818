/** The page of a VM against what the API tells of it at the same turn: its character, what nobody knows, and its life on other hosts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Locator } from 'playwright-core'
import type { CharacterView } from '../../../src/apps/server/views/character.ts'
import type { HostsForView, PairView } from '../../../src/apps/server/views/judgement.ts'
import {
  bytesText,
  latencyText,
  moneyText,
  pauseText,
  percentText,
  quantityText,
  spanText,
} from '../../../src/terms/shown.ts'
import { on, setLevel, skip, standStill, turns } from './stage.ts'

const VM = 'web-01'
const WITNESS = { guest: 'guest-told', host: 'host-seen' }
const AXES = ['CPU', 'Burstiness', 'Memory', 'Dirtying', 'Disk', 'Network', 'Regularity']
let turn = -1

test('a VM’s character: each sentence with whose word it is, each axis against its class, what is absent and why', {
  skip,
}, async () => {
  const { bench, page } = on
  turn = await standStill()
  // Samples go on coming between turns, and with them its place in its class: what the page was told is what it has to show.
  const answer = page.waitForResponse((response) => response.url().endsWith(`/v1/vms/${VM}/character`))
  await page.goto(`${bench.base}/vms/${VM}`)
  const told = (await (await answer).json()) as CharacterView
  const character = page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: 'Character' }) })
  await character.getByRole('heading', { name: 'In words' }).waitFor()

  const words = await textsOf(character.locator('h3:text-is("In words") + ul > li'))
  assert.ok(told.sentences.length > 0)
  assert.equal(words.length, told.sentences.length)
  told.sentences.forEach(({ about, text, toldBy, coverage }, i) => {
    const measured = coverage === undefined ? '' : ` ${percentText(coverage)} measured,`
    assert.ok(words[i].startsWith(`${about} ${text} ${WITNESS[toldBy]}${measured}`), `${text} in ${words[i]}`)
  })
  const guests = told.sentences.filter(({ toldBy }) => toldBy === 'guest').length
  assert.ok(guests > 0 && guests < told.sentences.length, 'both have their say')
  const whose = `${guests} of ${told.sentences.length} sentences guest-told, ${told.sentences.length - guests} host-seen`
  await character.getByText(`by ${told.model}; ${whose}`, { exact: true }).waitFor()

  const unknown = await textsOf(character.locator('.absent > li'))
  assert.ok(told.absent.length > 0)
  assert.equal(unknown.length, told.absent.length)
  told.absent.forEach(({ what, why }, i) => {
    assert.ok(unknown[i].includes(what) && unknown[i].includes(`: ${why}`), `${what}: ${why} in ${unknown[i]}`)
  })
  await agreeOnRadar(character, told.radar)
})

async function agreeOnRadar(character: Locator, { axes, class: alike }: CharacterView['radar']): Promise<void> {
  assert.ok(alike !== undefined && axes.some(({ rank }) => rank !== undefined))
  await character.getByText(`Against ${alike.vms} VMs: ${alike.text}.`).waitFor()
  const rows = await textsOf(character.locator('.radar tbody tr'))
  const label = (await character.locator('.radar svg').getAttribute('aria-label')) ?? ''
  assert.equal(rows.length, axes.length)
  axes.forEach(({ value, unit, rank, toldBy, quartiles, absent }, i) => {
    const title = AXES[i]
    assert.ok(rows[i].startsWith(toldBy === undefined ? title : `${title} ${WITNESS[toldBy]}`), `${title}: ${rows[i]}`)
    if (value === undefined) return assert.ok(rows[i].endsWith(`absent: ${absent}`), rows[i])
    // Of a share the page tells of what it is, and a ratio has no unit.
    const text = / of | over /.test(unit) ? undefined : quantityText(value, unit)
    if (text !== undefined)
      assert.ok(rows[i].includes(text) && label.includes(`${title} ${text}`), `${text}: ${rows[i]}`)
    if (rank === undefined) return
    assert.ok(rows[i].endsWith(percentText(rank)), rows[i])
    assert.ok(label.includes(`more than ${percentText(rank)} of ${quartiles?.vms} VMs`), label)
  })
}

test('what if the VM lived on another host, and two hosts side by side, as the API tells', { skip }, async () => {
  const { bench, page } = on
  const { ranked, refused, host: here } = await bench.ask<HostsForView>(`/v1/vms/${VM}/hosts`)
  const left = ranked.at(1)?.host
  const right = refused.find(({ host }) => host !== here)?.host ?? ranked.at(0)?.host
  assert.ok(left !== undefined && right !== undefined)
  const [one, other] = [await pairOf(left), await pairOf(right)]
  await page.getByRole('checkbox', { name: `Look at ${left}`, exact: true }).check()
  await page.waitForURL(`**/vms/${VM}?host=${left}`)
  const whatIf = page.locator('section.panel').filter({ hasText: `What if it lived on ${left}` })
  await agreeOnSides(whatIf, one, [one.there, one.here, one.best])
  await saysOf(whatIf, one)

  await page.goto(`${bench.base}/vms/${VM}?host=${left}&beside=${right}`)
  const compare = page.locator('section.panel').filter({ hasText: `Compare ${left} with ${right}` })
  await agreeOnSides(compare, one, [one.there, other.there], other)
  for (const pair of [one, other]) {
    await saysOf(compare, pair)
    const { rank, suitableHosts } = pair
    const standing = rank === undefined ? 'refused' : `number ${rank} of ${suitableHosts} suitable`
    await compare.getByText(standing, { exact: true }).waitFor()
  }
  assert.equal(await turns(), turn, 'all of that was of one turn')
  await setLevel('partial')
})

function pairOf(host: string): Promise<PairView> {
  return on.bench.ask<PairView>(`/v1/vms/${VM}/hosts/${host}`)
}

/** What is told in sentences: of the host, whether it is worth it, and of the rules that it breaks. */
async function saysOf(panel: Locator, { sentence, worth, rules }: PairView): Promise<void> {
  await panel.getByText(sentence, { exact: true }).waitFor()
  if (worth !== undefined) {
    const [gain, cost, needed] = [worth.gain, worth.cost, worth.needed].map(moneyText)
    await panel.getByText(`Gain ${gain}, cost ${cost}, needed ${needed}: `).first().waitFor()
  }
  for (const { verdict } of rules) if ('reason' in verdict) await panel.getByText(verdict.reason).first().waitFor()
}

/** @param sides one a column; absent ones have none. @param last pair of the last column, where that is not of `first` */
async function agreeOnSides(
  panel: Locator,
  first: PairView,
  sides: readonly (PairView['there'] | undefined)[],
  last?: PairView,
): Promise<void> {
  await panel.getByRole('table').first().waitFor()
  const columns = sides.filter((side, i): side is PairView['there'] => {
    return side !== undefined && sides.findIndex((before) => before?.host === side.host) === i
  })
  const table = panel.getByRole('table').first()
  assert.deepEqual(
    await textsOf(table.locator('thead a')),
    columns.map(({ host }) => host),
  )
  const migrations = columns.map((_, i) => (i === 0 ? first : last)?.migration)
  const figures: readonly (readonly [string, readonly string[]])[] = [
    ['score', columns.map(({ score }) => moneyText(score.total))],
    ['latency', columns.map(({ performance }) => latencyText(performance.latencyFactor))],
    ['served', columns.map(({ performance }) => percentText(performance.throughput))],
    ['VMs there', columns.map(({ outlook }) => String(outlook.members))],
    ['moving takes', migrations.map((one) => (one === undefined ? '–' : spanText(one.durationMs)))],
    ['pause at the end', migrations.map((one) => (one === undefined ? '–' : pauseText(one.downtimeMs)))],
    ['copied', migrations.map((one) => (one === undefined ? '–' : bytesText(one.copiedBytes)))],
  ]
  for (const [name, texts] of figures) {
    if (texts.every((text) => text === '–')) continue
    const row = table.getByRole('row').filter({ has: on.page.getByRole('rowheader', { name, exact: true }) })
    const cells = await textsOf(row.locator('td.number'))
    // A band may follow the figure.
    texts.forEach((text, i) => {
      assert.ok(cells[i]?.replace('better: ', '').startsWith(text), `${name}: ${text} in ${cells.join(' | ')}`)
    })
  }
}

async function textsOf(all: Locator): Promise<readonly string[]> {
  return (await all.allTextContents()).map((text) => text.replaceAll(/\s+/g, ' ').trim())
}
