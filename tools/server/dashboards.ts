/** Many dashboards and programs at once, some of which read nothing (test 57). */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { aToken } from '../../src/apps/server/api/builders.ts'
import { Authority } from '../../src/apps/server/authority.ts'
import { openDataFolder } from '../../src/apps/server/data-folder.ts'
import { openSite } from '../../src/apps/server/open-site.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { HOUR_MS } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import { ImaginedSite } from './imagined-site.ts'

export interface DashboardSize {
  readonly hosts: number
  readonly vms: number
  /** Streams of events that are read, each with two requests every 5 s. */
  readonly dashboards: number
  /** Streams of which nothing is read. */
  readonly stalled: number
  /** Programs that ask one thing after another. */
  readonly clients: number
  readonly seconds: number
  readonly eventsPerSec: number
}

export interface DashboardCounts {
  readonly requests: number
  readonly failed: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly eventsRead: number
  readonly streamsLost: number
  readonly stalledDropped: number
  /** Of the server's main thread, over the whole time. */
  readonly eventLoopLagP99Ms: number
  /** Of all threads of the server's process; the controller is another. */
  readonly serverCpuSeconds: number
  readonly turns: number
}

const STREAMS_PER_TOKEN = 20
/** Between two requests of a program. */
const THINK_MS = 200
const REFRESH_MS = 5000
const PATIENCE_MS = 60_000
const SEEN = 'turn,alert,move,outcome,status'

/** Runs the whole service in a process of its own and asks it from here. */
export async function watch(size: DashboardSize): Promise<DashboardCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-dashboards-'))
  let child: ChildProcess | undefined
  let crowd: Crowd | undefined
  try {
    const { tokens, ca } = await prepare(folder, size)
    const started = await start(folder, size)
    child = started.child
    crowd = new Crowd({ port: started.port, ca, tokens }, size)
    return await crowd.run()
  } finally {
    crowd?.close()
    if (child?.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

async function prepare(
  folder: string,
  { hosts, vms, dashboards, stalled }: DashboardSize,
): Promise<{ readonly tokens: readonly string[]; readonly ca: string }> {
  const store = await openSite({ data: folder, wanted: 'made' })
  const site = new ImaginedSite({ hosts, vms, seed: 1 })
  const now = Date.now()
  await site.register(store, now)
  await site.tellPast(store, { from: now - HOUR_MS, to: now })
  await site.tellReports(store, now)
  const many = Math.ceil((dashboards + stalled) / STREAMS_PER_TOKEN) + 1
  const tokens: string[] = []
  for (let i = 0; i < many; i++) tokens.push(await aToken(store, { role: 'viewer', at: now, name: `team ${i}` }))
  await store.close()
  const authority = await Authority.open(openDataFolder(folder), new WallClock())
  return { tokens, ca: authority.pem }
}

async function start(
  folder: string,
  { hosts, vms, eventsPerSec }: DashboardSize,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const program = join(REPOSITORY, 'tools/server/dashboards-server.ts')
  const child = spawn(process.execPath, [program, folder, String(hosts), String(vms), String(eventsPerSec)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number | null]
  if (!(said instanceof Buffer)) throw new Error(`the server ended with ${said === null ? 'a signal' : String(said)}`)
  return { child, port: Number(said.toString()) }
}

/** Everybody who looks. */
class Crowd {
  private readonly site: { readonly port: number; readonly ca: string; readonly tokens: readonly string[] }
  private readonly size: DashboardSize
  private readonly agents = new Set<Agent>()
  private readonly agentOf = new Map<number, Agent>()
  private readonly times: number[] = []
  private readonly lost = new Set<number>()
  private failed = 0
  private eventsRead = 0
  private isOver = false

  constructor(site: Crowd['site'], size: DashboardSize) {
    this.site = site
    this.size = size
  }

  async run(): Promise<DashboardCounts> {
    const { dashboards, stalled, clients, seconds } = this.size
    await this.until(async () => (await this.ask(0, `/v1/vms/${nameOf(0)}/hosts`, false)) === 200)
    const streams = Array.from({ length: dashboards + stalled }, (_, i) => this.openStream(i, i < dashboards))
    await Promise.all(streams)
    const cpuBefore = await this.metric('process_cpu_seconds_total')
    const looking = Array.from({ length: dashboards }, (_, i) => this.look(i))
    const asking = Array.from({ length: clients }, (_, i) => this.program(dashboards + stalled + i))
    await sleep(seconds * 1000)
    this.isOver = true
    await Promise.all([...looking, ...asking])
    const streamsLost = this.lost.size
    // Told since the metrics were last asked for: that is, of the whole time.
    const eventLoopLagP99Ms = Math.round(1e4 * (await this.metric('nodejs_eventloop_lag_p99_seconds'))) / 10
    const serverCpuSeconds = (await this.metric('process_cpu_seconds_total')) - cpuBefore
    await this.until(async () => (await this.metric('ethos_event_streams_ended_total{reason="stalled"}')) >= stalled)
    const sorted = this.times.toSorted((a, b) => a - b)
    const at = (share: number): number => Math.round(10 * (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN)) / 10
    return {
      requests: this.times.length,
      failed: this.failed,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      eventsRead: this.eventsRead,
      streamsLost,
      stalledDropped: await this.metric('ethos_event_streams_ended_total{reason="stalled"}'),
      eventLoopLagP99Ms,
      serverCpuSeconds: Math.round(100 * serverCpuSeconds) / 100,
      turns: await this.metric('ethos_turns'),
    }
  }

  close(): void {
    for (const agent of this.agents) agent.destroy()
  }

  /** A dashboard reads what it shows; whoever reads nothing is told of loud hosts as well. */
  private async openStream(i: number, isRead: boolean): Promise<void> {
    const names = isRead ? `?names=${SEEN}` : ''
    const response = await this.get(i, `/v1/events${names}`, true)
    assert.equal(response.statusCode, 200)
    response.on('error', () => undefined)
    if (!isRead) return void response.pause()
    response.on('close', () => {
      if (!this.isOver) this.lost.add(i)
    })
    response.on('data', (part: Buffer) => {
      this.eventsRead += part.toString().split('\nevent: ').length - 1
    })
  }

  private async look(i: number): Promise<void> {
    await sleep((i * 97) % REFRESH_MS)
    while (!this.isOver) {
      await Promise.all([this.ask(i, '/v1/status'), this.ask(i, '/v1/alerts')])
      await sleep(REFRESH_MS)
    }
  }

  private async program(i: number): Promise<void> {
    const vm = nameOf(i % this.size.vms)
    const paths = [
      '/v1/vms?limit=100',
      `/v1/vms/${vm}/hosts`,
      '/v1/hosts?limit=100',
      `/v1/vms/${vm}/usage`,
      '/v1/loads',
      `/v1/vms/${vm}`,
      '/v1/contention',
      '/v1/plans/latest',
    ]
    for (let turn = i; !this.isOver; turn++) {
      await this.ask(i, paths[turn % paths.length] ?? '/v1/status')
      await sleep(THINK_MS)
    }
  }

  /** The status of an answer that was read to its end. */
  private async ask(i: number, path: string, isCounted = true): Promise<number> {
    const begin = performance.now()
    const response = await this.get(i, path, false)
    for await (const _ of response);
    if (isCounted) this.times.push(performance.now() - begin)
    if (isCounted && response.statusCode !== 200) this.failed++
    return response.statusCode ?? 0
  }

  private get(i: number, path: string, isAlone: boolean): Promise<IncomingMessage> {
    const { port, ca, tokens } = this.site
    const authorization = `Bearer ${tokens[Math.floor(i / STREAMS_PER_TOKEN) % tokens.length]}`
    const agent = (isAlone ? undefined : this.agentOf.get(i)) ?? this.newAgent(i, ca)
    if (!isAlone) this.agentOf.set(i, agent)
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, agent, headers: { authorization } }, resolve)
      asked.on('error', reject)
      asked.end()
    })
  }

  /** Each comes from a place of its own. */
  private newAgent(i: number, ca: string): Agent {
    const localAddress = `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`
    const agent = new Agent({ ca, keepAlive: true, maxSockets: 2, localAddress })
    this.agents.add(agent)
    return agent
  }

  private async metric(line: string): Promise<number> {
    const response = await this.get(0, '/metrics', false)
    let text = ''
    for await (const part of response) text += String(part)
    const found = text.split('\n').find((one) => one.startsWith(`${line} `))
    return Number(found?.split(' ').at(-1) ?? 0)
  }

  private async until(holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    while (!(await holds())) {
      if (performance.now() > end) throw new Error('it does not come to pass')
      await sleep(100)
    }
  }
}

/** As the imagined site calls its VMs. */
function nameOf(vm: number): string {
  return `vm-${String(vm).padStart(5, '0')}`
}
