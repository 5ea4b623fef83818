/** The same figures on the page, over the API and on the command line, of the same turn: none is taken meanwhile. What the page shows is held against
 *  the answer, written by the functions of `src/terms/shown.ts`, and against what `ethos` prints. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createServer, type Server } from 'node:tls'
import type { Locator } from 'playwright-core'
import type { HostsForView } from '../../../src/apps/server/views/judgement.ts'
import type { LedgerMovesView, LedgerView } from '../../../src/apps/server/views/ledger.ts'
import type { MigrationsView } from '../../../src/apps/server/views/moves.ts'
import type { OutlookView } from '../../../src/apps/server/views/outlook.ts'
import type { PlanView } from '../../../src/apps/server/views/plan.ts'
import type { VmView } from '../../../src/apps/server/views/vms.ts'
import {
  bytesText,
  hostCoresNumber,
  instantText,
  latencyText,
  minuteText,
  moneyText,
  pauseText,
  percentText,
  spanText,
} from '../../../src/terms/shown.ts'
import { REPOSITORY } from '../../repository.ts'
import { TestAuthority, withoutCertificates } from '../../test-certificates.ts'
import { on, setLevel, skip as noBrowser, standStill, turns, until } from './stage.ts'

const skip = noBrowser === false ? withoutCertificates : noBrowser
const VM = 'web-01'
const folder = mkdtempSync(join(tmpdir(), 'ethos-figures-'))
let front: Server | undefined
let turn = -1

after(() => {
  front?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('while automation is off no turn is taken, and what is asked twice is of the same', { skip }, async () => {
  turn = await standStill()
  await openFront()
  assert.ok(turn > 0)
})

test('of hosts: the cluster’s table, the list and `ethos hosts`', { skip }, async () => {
  const { bench } = on
  const [told, printed] = [await bench.ask<OutlookView>('/v1/outlook'), await cli('hosts')]
  assert.equal(told.hosts.length, 12)
  const cluster = await rowsOf('/', 'Hosts with their load over time')
  const list = await rowsOf('/hosts', 'Hosts')
  for (const { host, capacity, now, allocated, contention, vms } of told.hosts) {
    const [cpu, memory] = [now.cpu, now.memory].map((share) => (share === undefined ? '–' : percentText(share)))
    const risk = contention === undefined ? '–' : percentText(contention.probability)
    const when = contention?.medianMs === undefined ? '–' : spanText(contention.medianMs)
    const row = cluster.get(host) ?? []
    assert.deepEqual([row[2], row[3], row[4], row[5], row[6]], [risk, when, cpu, memory, String(vms)], host)
    const cores = hostCoresNumber(capacity.cpuRefCores)
    const [, , , , refCores, cpuNow, memoryNow, size, contended, count] = list.get(host) ?? []
    assert.deepEqual(
      [refCores, cpuNow, memoryNow, size, contended, count],
      [cores, cpu, memory, bytesText(capacity.memoryBytes), risk, String(vms)],
      host,
    )
    const sold = [percentText(allocated.cpu), percentText(allocated.memory)].map(literal).join(' +')
    const line = new RegExp(`^${host} +on +${literal(cores)} +${literal(cpu)} .* ${sold} .* ${vms} `, 'm')
    assert.match(printed, line)
    if (contention !== undefined) assert.ok(line.exec(printed)?.[0].includes(risk), `${host} ${risk}\n${printed}`)
  }
})

test('of a VM and its hosts: its page, `ethos vms` and `ethos rank`', { skip }, async () => {
  const { bench, page } = on
  const vm = await bench.ask<VmView>(`/v1/vms/${VM}`)
  const { ranked } = await bench.ask<HostsForView>(`/v1/vms/${VM}/hosts`)
  const [printed, rankedOut] = await Promise.all([cli('vms', VM), cli('rank', VM, '--top', '0')])
  await page.goto(`${bench.base}/vms/${VM}`)
  const size = `${vm.vcpus} vCPUs, ${bytesText(vm.memoryBytes ?? 0)}`
  await page.getByText(size, { exact: true }).waitFor()
  assert.ok(printed.includes(size), printed)
  assert.ok(ranked.length > 1)
  const table = page.locator('section', { hasText: 'Hosts for it' }).getByRole('table').first()
  for (const { host, rank, score, performance } of ranked) {
    const row = table.getByRole('row').filter({ has: page.getByRole('link', { name: host, exact: true }) })
    const text = await textOf(row)
    const figures = [
      moneyText(score.total),
      latencyText(performance.latencyFactor),
      percentText(performance.throughput),
    ]
    for (const figure of figures) assert.ok(text.includes(figure), `${host}: ${figure} in ${text}`)
    assert.match(rankedOut, new RegExp(`^${rank} +${[host, ...figures].map(literal).join(' .*')}`, 'm'))
  }
})

test('of the plan and of budgets: the plan’s page, the policy’s and `ethos moves`', { skip }, async () => {
  const { bench, page } = on
  const moves = await bench.ask<MigrationsView>('/v1/migrations')
  const printed = await cli('moves')
  const ended = await rowsOf('/plan', 'Moves that ended')
  // What the last turn came to may be told a moment after it was counted.
  const plan = await until(async () => {
    const told = await bench.ask<PlanView>('/v1/plans/latest')
    const head = `Turn ${told.turn}, ${instantText(told.takenAt ?? Number.NaN)}`
    if ((await textOf(page.locator('section[aria-labelledby="plan"]'))).includes(head)) return told
    // Told between the page's question and its stream of events, it would be news to it with the next turn, and none comes.
    await page.goto(`${bench.base}/plan`)
    await page.locator('section[aria-labelledby="stayed"]').waitFor()
    return undefined
  })
  for (const [reason, vms] of Object.entries(plan.stayed ?? {}))
    if (vms > 0)
      assert.match(await textOf(page.locator('section[aria-labelledby="stayed"]')), new RegExp(`\\b${vms}\\b`), reason)
  assert.ok(moves.ended.length > 0)
  for (const { vm, from, to, state, figures, promise } of moves.ended) {
    assert.ok(figures?.totalMs !== undefined && promise !== undefined)
    const row = ended.get(vm) ?? []
    const came = [
      spanText(figures.totalMs),
      bytesText(figures.copiedBytes ?? NaN),
      pauseText(figures.downtimeMs ?? NaN),
    ]
    assert.deepEqual(row.slice(2, 7), [`${from} → ${to}`, state, ...came])
    const promised = [spanText(promise.totalMs), bytesText(promise.copiedBytes), pauseText(promise.downtimeMs)]
    const pairs = came.map((text, i) => literal(`${text} (${promised[i]})`)).join(' +')
    assert.match(printed, new RegExp(`^${vm} +${from} > ${to} +${state} .*${pairs}`, 'm'))
  }
  await page.goto(`${bench.base}/policy?part=budgets`)
  const table = page.getByRole('table').filter({ hasText: 'Used now' })
  await table.waitFor()
  // Those of which nothing was used within the hour the command line leaves out.
  assert.ok((moves.budgets ?? []).length > 0)
  for (const { what, used, most, spanMs } of moves.budgets ?? []) {
    const row = table.getByRole('row').filter({ has: page.getByRole('cell', { name: what, exact: true }) })
    assert.ok((await textOf(row)).includes(`${used} of ${most} this hour`), what)
    if (used > 0) assert.ok(printed.includes(`${used} of ${most} ${what} within ${spanText(spanMs)}.`), printed)
  }
})

test('of the ledger: its page, `ethos ledger` and `ethos ledger --moves`', { skip }, async () => {
  const { bench, page } = on
  const { day } = await bench.ask<LedgerView>('/v1/ledger')
  const { moves } = await bench.ask<LedgerMovesView>('/v1/ledger/moves?limit=50')
  const [sums, list] = await Promise.all([cli('ledger'), cli('ledger', '--moves', '--limit', '50')])
  const rows = await rowsOf('/ledger', 'Moves, promised against realised')
  const text = await textOf(page.locator('section[aria-labelledby="ledger"]'))
  const { ordered, carriedOut, done } = day.moves
  assert.match(text, new RegExp(`Moves ordered ?${ordered} ?carried out ?${carriedOut} ?done ?${done}`))
  assert.match(sums, new RegExp(`^moves ordered +${ordered} `, 'm'))
  assert.match(sums, new RegExp(`^moves carried out +${carriedOut} `, 'm'))
  for (const { share, checks } of day.coverage)
    if (share !== undefined) assert.ok(sums.includes(` of ${checks}`), `${share} of ${checks}\n${sums}`)
  const told = moves.filter(({ migration }) => migration.totalMs?.realised !== undefined)
  assert.ok(told.length > 0)
  for (const { vm, from, to, migration, decidedAt } of told) {
    const row = rows.get(vm) ?? []
    const took = spanText(migration.totalMs?.realised ?? NaN)
    const paused = pauseText(migration.downtimeMs?.realised ?? NaN)
    const copied = bytesText(migration.copiedBytes?.realised ?? NaN)
    assert.deepEqual(
      [row[0], row[2], row[10], row[11], row[12]],
      [minuteText(decidedAt), `${from} → ${to}`, took, paused, copied],
    )
    const figures = [took, paused, copied].map((figure) => `${literal(figure)} \\(.+\\)`).join(' +')
    assert.match(list, new RegExp(`^${minuteText(decidedAt)} +${vm} +${from} > ${to} .*${figures}`, 'm'))
  }
})

test('all of that was of one turn', { skip }, async () => {
  assert.equal(await turns(), turn)
  await setLevel('partial')
})

/** Rows of a virtual table by the name of their first link that is a host's or a VM's, as texts of their cells. */
async function rowsOf(path: string, name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const { page, bench } = on
  await page.goto(`${bench.base}${path}`)
  const table = page.getByRole('table', { name, exact: true })
  await table.getByRole('row').nth(1).waitFor()
  // What several answers make together is there once both are.
  await page
    .getByText(/^Asking for/)
    .first()
    .waitFor({ state: 'detached' })
  await page.waitForLoadState('networkidle')
  return new Map(
    await page.evaluate<readonly (readonly [string, readonly string[]])[]>(`(${READ})(${JSON.stringify(name)})`),
  )
}

const READ = `(name) => [...document.querySelector('[role="table"][aria-label="' + name + '"]').querySelectorAll('[role="row"]')].slice(1).map((row) => [
  row.querySelector('a[href^="/hosts/"], a[href^="/vms/"]').textContent.trim(),
  [...row.querySelectorAll('[role="cell"]')].map((cell) => cell.textContent.trim().replace(/\\s+/g, ' ')),
])`

async function textOf(where: Locator): Promise<string> {
  await where.first().waitFor()
  return ((await where.first().textContent()) ?? '').replaceAll(/\s+/g, ' ')
}

/** The demo speaks plain HTTP, to which the command line shows no token: before it stands what ends TLS. */
async function openFront(): Promise<void> {
  const authority = new TestAuthority(folder)
  authority.sign('front', 'IP:127.0.0.1,DNS:localhost')
  const read = (name: string): Buffer => readFileSync(join(folder, name))
  const { port } = on.bench.demo.server
  front = createServer({ key: read('frontkey.pem'), cert: read('frontcert.pem') }, (secure) => {
    const plain = connect(port, '127.0.0.1')
    secure.pipe(plain).pipe(secure)
    for (const [one, other] of [
      [secure, plain],
      [plain, secure],
    ] as const)
      one.on('error', () => other.destroy())
  })
  await new Promise<void>((resolve) => {
    front?.listen(0, '127.0.0.1', resolve)
  })
}

/** What a command prints. */
function cli(...words: readonly string[]): Promise<string> {
  assert.ok(front !== undefined)
  const { port } = front.address() as AddressInfo
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: folder,
    ETHOS_SERVER: `https://127.0.0.1:${port}`,
    ETHOS_CA: join(folder, 'cacert.pem'),
    ETHOS_TOKEN: String(on.bench.demo.server.firstToken),
  }
  const program = join(REPOSITORY, 'src/apps/cli/main.ts')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, ...words], { env }, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(`${words.join(' ')}\n${err}`, { cause: error }))
    })
  })
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
