/** From a process's start to the first ranking, on a store with a week of a large site: 10,000 VMs on 300 hosts, six resources by slots of 5 min. The
 *  store is made once and kept in build/. Alone: `node tools/server/restart.ts [--small]`. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { makeApiToken } from '../../src/apps/server/api/api-token.ts'
import { openSite } from '../../src/apps/server/open-site.ts'
import { DAY_MS, HOUR_MS } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import { ImaginedSite } from './imagined-site.ts'
import { startProcess } from './kills.ts'
import { until } from './live-site.ts'

const SEED = 1
/** As `getconf CLK_TCK` says on every Linux that we know. */
const TICKS_PER_SEC = 100
/** Between two questions: each costs a handshake. */
const ASK_MS = 200
const KEY_FILE = 'ca-1.json'

export interface Restarted {
  /** From the start of the process to the first ranking of all hosts, by what the store holds. */
  readonly rankingSec: number
  /** To the first ranking by a turn of the controller. */
  readonly turnSec: number
  /** Of the main process then, the ranker's thread included. */
  readonly rssMiB: number
  readonly hosts: number
  /** Of all processes and threads until the first turn: what a machine with other work does not change. */
  readonly cpuSec: number
}

export async function measureRestart({
  isSmall,
  say,
}: {
  readonly isSmall: boolean
  readonly say: (what: string) => void
}): Promise<Restarted> {
  const { folder, site } = await siteWithPast(isSmall ? SMALL : LARGE, say)
  return start(folder, site.vms[0].id)
}

/** How large a site is, and how much of its past its store holds. */
export interface PastSize {
  readonly hosts: number
  readonly vms: number
  readonly pastMs: number
}

export const LARGE: PastSize = { hosts: 300, vms: 10_000, pastMs: 7 * DAY_MS }
export const SMALL: PastSize = { hosts: 4, vms: 40, pastMs: HOUR_MS }

/** A site, and a store with its past, made once; the newest report of its hosts is of now. */
export async function siteWithPast(
  size: PastSize,
  say: (what: string) => void,
): Promise<{ readonly folder: string; readonly site: ImaginedSite }> {
  const site = new ImaginedSite({ hosts: size.hosts, vms: size.vms, seed: SEED, cores: 128 })
  const folder = join(REPOSITORY, 'build', `restart-${size.vms}-${schemaName()}`)
  if (!existsSync(folder)) await make(folder, site, { pastMs: size.pastMs, say })
  // Hosts report as they would; the past before is as old as the store.
  await tellLately(folder, site)
  return { folder, site }
}

/** Of the store's tables as they are now: what was kept with others is not taken for a store of this program. */
function schemaName(): string {
  const text = readFileSync(join(REPOSITORY, 'src', 'drivers', 'sqlite', 'schema.ts'))
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

async function make(
  folder: string,
  site: ImaginedSite,
  { pastMs, say }: { readonly pastMs: number; readonly say: (what: string) => void },
): Promise<void> {
  const making = `${folder}.new`
  rmSync(making, { recursive: true, force: true })
  mkdirSync(making, { recursive: true, mode: 0o700 })
  const store = await openSite({ data: making })
  const now = Date.now()
  await site.register(store, now)
  for (let from = now - pastMs; from < now; from += 6 * HOUR_MS) {
    await site.tellPast(store, { from, to: Math.min(now, from + 6 * HOUR_MS) })
    say(`${((now - from) / DAY_MS).toFixed(2)} days of the past are still to be told`)
  }
  await store.close()
  renameSync(making, folder)
}

async function tellLately(folder: string, site: ImaginedSite): Promise<void> {
  const store = await openSite({ data: folder })
  const now = Date.now()
  await site.tellPast(store, { from: now - 6 * HOUR_MS, to: now })
  await site.tellReports(store, now)
  await store.close()
}

/** The server as operators start it; asked over HTTPS until it ranks. */
async function start(folder: string, vm: string): Promise<Restarted> {
  const token = await tokenOf(folder)
  // Its keys are made at the first start of all.
  if (!existsSync(join(folder, KEY_FILE))) (await startProcess(folder)).child.kill('SIGKILL')
  const { certificate } = JSON.parse(readFileSync(join(folder, KEY_FILE), 'utf8')) as { readonly certificate: string }
  const begin = performance.now()
  const { child, port } = await startProcess(folder)
  try {
    const askFor = async (isWanted: (told: Told) => boolean): Promise<{ readonly sec: number; readonly told: Told }> =>
      until('hosts are ranked', async () => {
        await sleep(ASK_MS)
        const told = await ask({ port, ca: certificate, token, path: `/v1/vms/${vm}/hosts` })
        return told !== undefined && isWanted(told) ? { sec: (performance.now() - begin) / 1000, told } : undefined
      })
    const ranking = await askFor(() => true)
    const turn = await askFor(({ degraded }) => degraded.length === 0)
    const hosts = ranking.told.ranked.length + ranking.told.refused.length
    const pid = child.pid ?? 0
    return { rankingSec: ranking.sec, turnSec: turn.sec, rssMiB: rssMiB(pid), hosts, cpuSec: cpuSec(pid) }
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
}

/** Of a process and those that it started. */
function cpuSec(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean)
  return [pid, ...children].reduce((sum: number, one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'latin1')
    // The 14th and 15th fields of the line, the third of which stands first here (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC
  }, 0)
}

interface Told {
  readonly degraded: readonly string[]
  readonly ranked: readonly unknown[]
  readonly refused: readonly unknown[]
}

async function tokenOf(folder: string): Promise<string> {
  const store = await openSite({ data: folder })
  const { text, token } = makeApiToken({ role: 'viewer', name: 'restart benchmark', at: Date.now() })
  await store.apiTokens.add(token)
  await store.close()
  return text
}

/** Undefined: there is no ranking yet. */
async function ask(about: {
  readonly port: number
  readonly ca: string
  readonly token: string
  readonly path: string
}): Promise<Told | undefined> {
  const { port, ca, token, path } = about
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, ca, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(response.statusCode === 200 ? (JSON.parse(text) as Told) : undefined))
    }).on('error', reject)
  })
}

/** Of the main process, with the threads in it. */
function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024)
}

if (import.meta.main) {
  const isSmall = process.argv.includes('--small')
  const restarted = await measureRestart({ isSmall, say: (what) => void process.stderr.write(`... ${what}\n`) })
  process.stdout.write(`${JSON.stringify(restarted)}\n`)
}
