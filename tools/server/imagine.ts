/** Imagines a site for a server that runs: its hosts are registered, report, and relay what their VMs' agents say.
 *
 *    ethos serve --data DIR --listen 127.0.0.1:8470 &
 *    npm run -s imagine -- --data DIR                 straight into the store of the folder
 *    npm run -s imagine -- --data DIR --port 8470     over HTTPS, each host with a certificate of its own
 *
 *  --hosts N --vms N --seed N      how large, and which one (20, 400, 1)
 *  --past HOURS                    told at once at the start, straight into the store (6)
 *  --every SECONDS                 between two reports of a host (60)
 *  --speed N                       how many times faster than the clock the load's day goes by (1)
 *  --press SHARE                   the VMs of the first host want this share of their size all day
 *  --minutes N                     then it ends (until it is stopped)
 *  --help                          says this */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Bench, type Identity } from '../../src/apps/server/builders.ts'
import { openSite } from '../../src/apps/server/open-site.ts'
import { encodePersonality } from '../../src/terms/personality-codec.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import type { SiteStore } from '../../src/world/site-store.ts'
import { ImaginedSite } from './imagined-site.ts'

const VECTOR_EVERY_MS = 5 * MINUTE_MS

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string' },
    hosts: { type: 'string', default: '20' },
    vms: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    past: { type: 'string', default: '6' },
    every: { type: 'string', default: '60' },
    speed: { type: 'string', default: '1' },
    press: { type: 'string' },
    minutes: { type: 'string', default: 'Infinity' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  const [head] = readFileSync(import.meta.filename, 'utf8').split('*/')
  process.stdout.write(
    `${head
      .replace('/** ', '')
      .replaceAll(/^ \* ? ?/gm, '')
      .trimEnd()}\n`,
  )
  process.exit(0)
}
if (options.data === undefined) throw new Error('Expected --data with the folder of the server; --help says the rest.')

const site = new ImaginedSite({
  hosts: Number(options.hosts),
  vms: Number(options.vms),
  seed: Number(options.seed),
  speed: Number(options.speed),
})
if (options.press !== undefined) {
  const share = Number(options.press)
  site.hostOf.forEach((host, vm) => host === 0 && site.pressure.set(vm, share))
}

/** How a site is heard. */
interface Mouth {
  reports(at: number, windowMs: number): Promise<void>
  vectors(at: number): Promise<void>
}

const store = await openSite({ data: options.data })
const begin = Date.now()
await site.register(store, begin)
await site.tellPast(store, { from: begin - Number(options.past) * HOUR_MS, to: begin })
const mouth = options.port === undefined ? intoStore(store) : await overHttps(options.data, Number(options.port))
const everyMs = Number(options.every) * SECOND_MS
const end = performance.now() + Number(options.minutes) * MINUTE_MS
let vectorsAt = -Infinity
while (performance.now() < end) {
  const now = Date.now()
  await mouth.reports(now, Math.max(SECOND_MS, everyMs))
  if (now - vectorsAt >= VECTOR_EVERY_MS) {
    await mouth.vectors(now)
    vectorsAt = now
  }
  process.stdout.write(`${new Date(now).toISOString()} ${site.hosts.length} hosts told of ${site.vms.length} VMs\n`)
  await sleep(everyMs)
}
await store.close()

function intoStore(into: SiteStore): Mouth {
  return {
    reports: (at, windowMs) => site.tellReports(into, at, windowMs),
    vectors: (at) => site.tellVectors(into, [...site.vms.keys()], at),
  }
}

async function overHttps(data: string, port: number): Promise<Mouth> {
  const bench = new Bench({ daysAgo: 0, data })
  await bench.attach(port)
  const identities: Identity[] = []
  for (const { id } of site.hosts) {
    identities.push(await bench.host(id, { isRegistered: false }))
    // Strangers are let in slowly: one a second from one address, after the first twenty.
    if (identities.length >= 20) await sleep(SECOND_MS)
  }
  const eachHost = async (tell: (host: number, identity: Identity) => Promise<number>): Promise<void> => {
    const statuses = await Promise.all(identities.map((identity, host) => tell(host, identity)))
    const refused = statuses.filter((status) => status !== 200)
    if (refused.length > 0) process.stderr.write(`refused ${refused.length} times: ${refused.join(' ')}\n`)
  }
  return {
    reports: (at, windowMs) =>
      eachHost(async (host, identity) => {
        const { arrivedAt: _arrivedAt, ...report } = site.report(host, at, windowMs)
        const path = `/v1/hosts/${report.hostId}/reports`
        return (await bench.ask({ path, body: JSON.stringify(report), tls: identity })).status
      }),
    vectors: (at) =>
      eachHost(async (host, identity) => {
        const here = [...site.vms.keys()].filter((vm) => site.hostOf[vm] === host)
        const lines = here.map((vm) => encodePersonality(site.vector(vm, at)))
        return (await bench.send(identity, lines)).status
      }),
  }
}
