/** What the command line prints of a VM and a host is what the API answers, written by the functions that the page uses too. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Static } from 'typebox'
import { ImaginedSite } from '../../../tools/server/imagined-site.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import {
  addedWattsNumber,
  bandText,
  behindText,
  amountText,
  bytesText,
  groundsText,
  latencyText,
  moneyText,
  percentText,
} from '../../terms/shown.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { CharacterView } from '../server/views/character.ts'
import type { HostLoadsView, HostsForView } from '../server/views/judgement.ts'
import type { OutlookView } from '../server/views/outlook.ts'
import type { VectorsView, VmView } from '../server/views/vms.ts'
import { type SiteServer, startSiteServer } from '../server/site-server.ts'
import { ask, type Login } from './api-client.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ethos-same-'))
const site = new ImaginedSite({ hosts: 3, vms: 12, cores: 16, seed: 1 })
const VM = site.vms[3].id
let server: SiteServer
let login: Login

before(async () => {
  server = await startSiteServer({
    dataFolder: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    names: ['localhost', '127.0.0.1'],
    clock: new WallClock(),
    version: '0.0.0-test',
    holder: 'test',
    // One turn, and then none: what is asked twice is answered from the same.
    turnEveryMs: HOUR_MS,
  })
  const now = Date.now()
  await site.register(server.store, now)
  await site.tellPast(server.store, { from: now - HOUR_MS, to: now })
  await site.tellReports(server.store, now)
  await site.tellVectors(server.store, [...site.vms.keys()], now)
  login = {
    server: `https://localhost:${server.port}`,
    ca: server.authority.pem,
    token: String(server.firstToken),
  }
  writeFileSync(join(folder, 'ca.pem'), login.ca)
  while ((await server.judgement.hostsFor(VM)).kind !== 'json') await new Promise((resolve) => setTimeout(resolve, 100))
})
after(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What a command prints. */
function printed(...words: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: folder,
    ETHOS_SERVER: login.server,
    ETHOS_TOKEN: login.token,
    ETHOS_CA: join(folder, 'ca.pem'),
  }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, ...words], { env }, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(`${words.join(' ')}\n${err}`, { cause: error }))
    })
  })
}

const answerOf = async <T>(path: string): Promise<T> => (await ask(login, { path })) as T

test('a VM has the same size, personality and character on the command line and over the API', async () => {
  const out = await printed('vms', VM)
  const one = await answerOf<VmView>(`/v1/vms/${VM}`)
  const { vectors, dimensions } = await answerOf<VectorsView>(`/v1/vms/${VM}/vectors`)
  const { sentences } = await answerOf<CharacterView>(`/v1/vms/${VM}/character`)
  assert.ok(out.includes(`${one.vcpus} vCPUs, ${bytesText(one.memoryBytes ?? 0)}`), out)
  const newest = vectors.at(-1)?.values ?? {}
  assert.ok(Object.keys(newest).length > 0)
  for (const { name, unit } of dimensions)
    if (name in newest) assert.match(out, new RegExp(`^${name} +${literal(amountText(newest[name], unit))}( |$)`, 'm'))
  assert.ok(sentences.length >= 2)
  for (const { text, ageMs: _, ...grounds } of sentences) {
    assert.ok(out.includes(text), `${text}\n${out}`)
    // Seconds have passed between the two.
    const rests = groundsText({ ...grounds, ageMs: 0 }).replace(/, [^,]*$/, '')
    assert.ok(out.includes(`(${rests}`), rests)
  }
})

test('hosts for a VM have the same scores, latency, share and watts', async () => {
  const out = await printed('rank', VM, '--top', '0')
  const { ranked, currency } = await answerOf<HostsForView>(`/v1/vms/${VM}/hosts`)
  assert.ok(ranked.length > 0)
  for (const { host, score, performance, behind, rank } of ranked) {
    const { terms, total } = score
    const money = [total, terms.performance, terms.energy, terms.load, terms.migration].map(moneyText)
    const { latencyFactor, throughput, addedWatts, bands } = performance
    const rest = [latencyText(latencyFactor), percentText(throughput), addedWattsNumber(addedWatts)]
    assert.match(out, new RegExp([host, ...money, ...rest].map(literal).join(' +')))
    assert.ok(
      bands !== undefined && bands.latencyFactor.p10 <= latencyFactor && latencyFactor <= bands.latencyFactor.p90,
    )
    assert.equal(behind === undefined, rank === 1)
    if (rank > 10) continue
    if (behind !== undefined) assert.ok(out.includes(`  ${host}: ${behindText(behind, currency)}; `), out)
    assert.ok(out.includes(`latency ${bandText(bands.latencyFactor, latencyText)} in 8 of 10 cases`), out)
  }
})

test('hosts have the same loads in the list, in the loads and in the outlook', async () => {
  const out = await printed('hosts')
  const loads = await answerOf<Static<typeof HostLoadsView>>('/v1/loads')
  const outlook = await answerOf<OutlookView>('/v1/outlook')
  assert.deepEqual([loads.hosts.length, outlook.hosts.length], [site.hosts.length, site.hosts.length])
  for (const { host, capacity, current, allocated, predicted } of loads.hosts) {
    const shares = [
      (current.cpuRefCoresMean ?? 0) / capacity.cpuRefCores,
      predicted.cpuRefCoresMean / capacity.cpuRefCores,
      predicted.cpuRefCoresBound / capacity.cpuRefCores,
      allocated.cpuRefCores / capacity.cpuRefCores,
      allocated.memoryBytes / capacity.memoryBytes,
    ].map(percentText)
    assert.match(out, new RegExp(`^${host} .*${shares.map(literal).join(' +')}`, 'm'))
    const same = outlook.hosts.find((one) => one.host === host)
    // As they are shown: what was rounded on its way would be rounded twice.
    const shown = [same?.now.cpu, same?.allocated.cpu, same?.allocated.memory]
    assert.deepEqual(
      shown.map((share) => percentText(share ?? Number.NaN)),
      [shares[0], shares[3], shares[4]],
    )
  }
})

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
