/** A whole service on an imagined site in a process of its own, for who looks at its page: made, started, judged, and removed at the end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aToken } from '../../../src/apps/server/api/builders.ts'
import { Authority } from '../../../src/apps/server/authority.ts'
import { openDataFolder } from '../../../src/apps/server/data-folder.ts'
import { openSite } from '../../../src/apps/server/open-site.ts'
import { WallClock } from '../../../src/drivers/wall-clock.ts'
import { HOUR_MS, MINUTE_MS } from '../../../src/terms/units.ts'
import { REPOSITORY } from '../../repository.ts'
import { ImaginedSite } from '../../server/imagined-site.ts'
import { until } from '../../server/live-site.ts'

export interface ScaleSize {
  readonly hosts: number
  readonly vms: number
  /** Of the past that its store holds. */
  readonly pastMs: number
}

export interface ScaleSite {
  readonly size: ScaleSize
  readonly base: string
  /** Of a viewer. */
  readonly token: string
  readonly site: ImaginedSite
  /** CPU of the server's processes so far, the controller's included. */
  cpuMs(): number
  close(): Promise<void>
}

/** Between turns, and between two reports of a host. */
const TURN_MS = MINUTE_MS
/** As `getconf CLK_TCK` says on every Linux that we know. */
const TICK_MS = 10

/** Returns once a turn was taken and everything is answered. */
export async function startScaleSite(size: ScaleSize): Promise<ScaleSite> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-page-bench-'))
  const site = new ImaginedSite({ hosts: size.hosts, vms: size.vms, seed: 1 })
  try {
    const token = await prepare(folder, site, size)
    const words = [folder, size.hosts, size.vms, TURN_MS].map(String)
    const program = join(REPOSITORY, 'tools', 'web', 'scale', 'server.ts')
    const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
    const close = async (): Promise<void> => {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true, force: true })
    }
    try {
      const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number | null]
      if (!(said instanceof Buffer)) throw new Error(`the server ended with ${String(said)}`)
      const base = `http://127.0.0.1:${Number(said.toString())}`
      await judged(base, token)
      return { size, base, token, site, cpuMs: () => cpuMsOf(child.pid ?? 0), close }
    } catch (error) {
      await close()
      throw error
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

async function prepare(folder: string, site: ImaginedSite, { pastMs }: ScaleSize): Promise<string> {
  await Authority.open(openDataFolder(folder), new WallClock())
  const store = await openSite({ data: folder, store: '', wanted: 'made' })
  const now = Date.now()
  await site.register(store, now)
  await site.tellPast(store, { from: now - Math.max(pastMs, HOUR_MS / 2), to: now })
  await site.tellReports(store, now)
  const token = await aToken(store, { role: 'viewer', at: now, name: 'page bench' })
  await store.close()
  return token
}

async function judged(base: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const paths = ['/v1/outlook', '/v1/loads/history', '/v1/migrations', '/v1/plans/latest', '/v1/ledger']
  await until('a turn is taken', async () => {
    const answers = await Promise.all(paths.map((path) => fetch(`${base}${path}`, { headers })))
    await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    return answers.every(({ ok }) => ok)
  })
}

function cpuMsOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean)
  return [pid, ...children].reduce((sum: number, one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'latin1')
    // The 14th and 15th fields of the line, the third of which stands first here (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS
  }, 0)
}
