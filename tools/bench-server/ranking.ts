/** How long a ranking takes: in the engine, and through the API as a program gets it. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
import type { Asked, Told } from '../server/ask-rankings.ts'
import { measuredNumber, type MeasuredNumber, type ServerSection, type SectionSize } from './section.ts'

const SEED = 1
/** Rankings before those that are timed. */
const WARM_UP = 100

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
    const vms = site.vms.map(({ id }) => id)
    return await askRankings({ port, ca: authority.pem, token, vms, number: isSmall ? 5 : 1000 })
  } finally {
    server.kill('SIGTERM')
    await new Promise((resolve) => {
      server.once('exit', resolve)
    })
    rmSync(folder, { recursive: true, force: true })
  }
}

async function askRankings(asked: Asked): Promise<readonly MeasuredNumber[]> {
  const program = fork(fileURLToPath(new URL('../server/ask-rankings.ts', import.meta.url)))
  const ended = once(program, 'exit')
  program.send(asked)
  const told = await Promise.race([
    once(program, 'message').then(([message]) => message as Told),
    ended.then(([code]) => Promise.reject(new Error(`The program that asks ended with ${code}, and said why above.`))),
  ])
  const { tookMs, bytes, hosts } = told
  return [
    measuredNumber('hosts in each answer', hosts, { unit: '' }),
    measuredNumber('bytes of an answer', bytes, { unit: '' }),
    measuredNumber('through the API, median', quantile(tookMs, 0.5), { unit: 'ms' }),
    measuredNumber('through the API, 99th of a hundred', quantile(tookMs, 0.99), { unit: 'ms', goal: { atMost: 20 } }),
  ]
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}
