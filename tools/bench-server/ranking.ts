/** How long a ranking takes: in the engine, and through the API as a program gets it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeApiToken } from '../../src/apps/server/api/api-token.ts'
import { Authority } from '../../src/apps/server/authority.ts'
import { openDataFolder } from '../../src/apps/server/data-folder.ts'
import { openSite } from '../../src/apps/server/open-site.ts'
import { keepGarbageYoung } from '../../src/apps/young-garbage.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { aLargeContext } from '../large-cluster.ts'
import { getSuitableHosts } from '../../src/engine/suitability/rank.ts'
import { Screen } from '../../src/engine/suitability/screen.ts'
import { HOUR_MS } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import { ImaginedSite } from '../server/imagined-site.ts'
import { freePort } from '../real-servers.ts'
import { measuredNumber, type MeasuredNumber, type ServerSection, type SectionSize } from './section.ts'

const SEED = 1
/** Rankings before those that are timed. */
const WARM_UP = 100
/** Of the answers that are timed, one in so many is read. */
const READ_EVERY = 50

export const section: ServerSection = {
  name: 'ranking',
  summary: '1,000 hosts with 10,000 VMs on them: every host for one VM, each with every term or its refusal.',
  run: async (size) => [...engineAlone(size), ...screening(size), ...(await throughApi(size))],
}

/** In a loop of its own, without JSON; garbage is kept young, as `ethos serve` keeps it. */
function engineAlone({ isSmall }: SectionSize): readonly MeasuredNumber[] {
  keepGarbageYoung()
  const context = aLargeContext(isSmall ? 20 : 1000)
  const took: number[] = []
  // Not the first: they are compiled meanwhile.
  for (let i = 0; i < (isSmall ? 0 : WARM_UP); i++) getSuitableHosts(context, (i * 11) % context.hostOf.length)
  for (let i = 0; i < (isSmall ? 5 : 500); i++) {
    const begin = performance.now()
    getSuitableHosts(context, (i * 7) % context.hostOf.length)
    took.push(performance.now() - begin)
  }
  return [
    measuredNumber('engine alone, median', quantile(took, 0.5), { unit: 'ms' }),
    measuredNumber('engine alone, 99th of a hundred', quantile(took, 0.99), { unit: 'ms', goal: { atMost: 5 } }),
  ]
}

/** Capacity, headroom and the masks of rules, pair by pair, per millisecond of CPU. */
function screening({ isSmall }: SectionSize): readonly MeasuredNumber[] {
  const hosts = isSmall ? 20 : 1000
  const context = aLargeContext(hosts)
  const screen = new Screen(context)
  const row = { scores: new Float32Array(hosts), masks: new Uint16Array(hosts) }
  const rounds = isSmall ? 20 : 10_000
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) screen.screenVm((i * 7) % context.hostOf.length, row)
  const { user, system } = process.cpuUsage(before)
  const perMs = (rounds * hosts) / ((user + system) / 1000)
  return [measuredNumber('pairs screened per ms of CPU', perMs, { unit: '', goal: { atLeast: 20_000 } })]
}

interface Asked {
  readonly port: number
  readonly ca: string
  readonly token: string
}

/** `ethos serve` in a process of its own; one program asks on one connection, for one VM after the other. */
async function throughApi({ isSmall, say }: SectionSize): Promise<readonly MeasuredNumber[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-ranking-'))
  const data = join(folder, 'data')
  const size = isSmall ? { hosts: 4, vms: 40 } : { hosts: 1000, vms: 10_000 }
  const site = new ImaginedSite({ ...size, seed: SEED, cores: 64 })
  say(`${size.hosts} hosts and ${size.vms} VMs tell of their last six hours`)
  const { text: token, token: kept } = makeApiToken({ role: 'viewer', name: 'benchmark', at: Date.now() })
  const clock = new WallClock()
  const authority = await Authority.open(openDataFolder(data), clock)
  const store = await openSite({ data })
  await site.register(store, Date.now())
  await site.tellPast(store, { from: Date.now() - (isSmall ? HOUR_MS : 6 * HOUR_MS), to: Date.now() })
  await site.tellReports(store, Date.now())
  await store.apiTokens.add(kept)
  await store.close()
  const port = await freePort()
  const words = ['src/apps/cli/main.ts', 'serve', '--data', data, '--listen', `127.0.0.1:${port}`]
  const server = spawn(process.execPath, words, { cwd: REPOSITORY, stdio: 'ignore' })
  try {
    const asked: Asked = { port, ca: authority.pem, token }
    return await askRankings(asked, site, isSmall ? 5 : 1000)
  } finally {
    server.kill('SIGTERM')
    await new Promise((resolve) => {
      server.once('exit', resolve)
    })
    rmSync(folder, { recursive: true, force: true })
  }
}

async function askRankings(asked: Asked, site: ImaginedSite, number: number): Promise<readonly MeasuredNumber[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const pathOf = (vm: number): string => `/v1/vms/${site.vms[vm % site.vms.length].id}/hosts`
  await untilAnswered(asked, agent, pathOf(0))
  for (let i = 0; i < (number < WARM_UP ? 0 : WARM_UP); i++) await ask(asked, agent, pathOf(i * 11))
  const took: number[] = []
  let bytes = 0
  let hosts = 0
  for (let i = 0; i < number; i++) {
    const begin = performance.now()
    // Few are read: what a program makes of an answer is not the server's, and the garbage of it would be collected during the next.
    const isRead = i % READ_EVERY === 0
    const { status, body, length } = await ask(asked, agent, pathOf(i * 7), isRead)
    took.push(performance.now() - begin)
    if (status !== 200) throw new Error(`${pathOf(i * 7)}: ${status} ${body.toString().slice(0, 300)}`)
    bytes = length
    if (isRead) hosts = hostsIn(body)
    // As the API bounds what one token asks in the long run: nothing waits for that.
    await sleep(12)
  }
  agent.destroy()
  return [
    measuredNumber('hosts in each answer', hosts, { unit: '' }),
    measuredNumber('bytes of an answer', bytes, { unit: '' }),
    measuredNumber('through the API, median', quantile(took, 0.5), { unit: 'ms' }),
    measuredNumber('through the API, 99th of a hundred', quantile(took, 0.99), { unit: 'ms', goal: { atMost: 20 } }),
  ]
}

/** The server is up, and has hosts to rank. */
async function untilAnswered(asked: Asked, agent: Agent, path: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const answer = await ask(asked, agent, path).catch(() => undefined)
    if (answer?.status === 200) return
    await sleep(100)
  }
  throw new Error(`${path} was not answered within a minute.`)
}

function hostsIn(body: Buffer): number {
  const { ranked, refused } = JSON.parse(body.toString()) as { ranked: unknown[]; refused: unknown[] }
  return ranked.length + refused.length
}

interface Answered {
  readonly status: number
  /** Empty where it was not to be kept. */
  readonly body: Buffer
  readonly length: number
}

function ask({ port, ca, token }: Asked, agent: Agent, path: string, isKept = true): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, ca, agent, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        const pieces: Buffer[] = []
        let length = 0
        response.on('data', (piece: Buffer) => {
          length += piece.length
          if (isKept) pieces.push(piece)
        })
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces), length }))
      },
    )
    asked.once('error', reject)
    asked.end()
  })
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}
