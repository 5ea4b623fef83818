/** From a process's start to the first ranking, on a store with a week of a large site: 10,000 VMs on 300 hosts, six resources by slots of 5 min. The
 *  store is made once and kept in build/. Alone: `node tools/server/restart.ts [--small]`. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openSite } from '../../src/apps/server/open-site.ts'
import { DAY_MS, HOUR_MS } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import { ImaginedSite } from './imagined-site.ts'

const SEED = 1

export interface Restarted {
  /** From the start of the process to the first ranking of all hosts, by what the store holds. */
  readonly rankingSec: number
  /** To the first ranking by a turn of the controller. */
  readonly turnSec: number
  /** Of the main process then, the ranker's thread included. */
  readonly rssMiB: number
  readonly hosts: number
}

export async function measureRestart({
  isSmall,
  say,
}: {
  readonly isSmall: boolean
  readonly say: (what: string) => void
}): Promise<Restarted> {
  const size = isSmall ? { hosts: 4, vms: 40, pastMs: HOUR_MS } : { hosts: 300, vms: 10_000, pastMs: 7 * DAY_MS }
  const site = new ImaginedSite({ hosts: size.hosts, vms: size.vms, seed: SEED, cores: 128 })
  const folder = join(REPOSITORY, 'build', `restart-${size.vms}`)
  if (!existsSync(folder)) await make(folder, site, { pastMs: size.pastMs, say })
  // Hosts report as they would; the past before is as old as the store.
  await tellLately(folder, site)
  return start(folder, site.vms[0].id)
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

async function start(folder: string, vm: string): Promise<Restarted> {
  const begin = performance.now()
  const program = join(REPOSITORY, 'tools', 'server', 'serve-judgement.ts')
  const child = spawn(process.execPath, [program, folder, vm], { stdio: ['ignore', 'pipe', 'inherit'] })
  const told = new Map<string, { readonly sec: number; readonly hosts: number; readonly rssMb: number }>()
  for await (const line of createInterface({ input: child.stdout })) {
    const { what, ...numbers } = JSON.parse(line) as { what: string; hosts: number; rssMb: number }
    told.set(what, { sec: (performance.now() - begin) / 1000, ...numbers })
  }
  const [ranking, turn] = [told.get('ranking'), told.get('turn')]
  if (ranking === undefined || turn === undefined) throw new Error('The judgement ended without a ranking.')
  return { rankingSec: ranking.sec, turnSec: turn.sec, rssMiB: turn.rssMb, hosts: turn.hosts }
}

if (import.meta.main) {
  const isSmall = process.argv.includes('--small')
  const restarted = await measureRestart({ isSmall, say: (what) => void process.stderr.write(`... ${what}\n`) })
  process.stdout.write(`${JSON.stringify(restarted)}\n`)
}
