/** Five kinds of work for a guest, each unlike the others: within the guest, or asked of it over the network as clients would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, get } from 'node:http'
import type { Guest } from './guest.ts'

export const WORKLOADS = ['burner', 'dirtier', 'writer', 'web', 'database'] as const
export type Workload = (typeof WORKLOADS)[number]

/** Work under way. */
export interface Load {
  /** Ends it; again does nothing. Returns how much was done a second: requests or transactions by clients, MiB or pages within the guest; 0 where
   *  nobody counts. */
  end(): Promise<number>
}

const PGBENCH = '/usr/lib/postgresql/15/bin/pgbench'
/** Asked of each: enough to be told from idling, and no more than an emulated core of a busy machine can do. */
const CPU_PERCENT = 80
const DIRTY_MIB = 12
const DIRTY_SPAN_MIB = 64
const WRITE_MIB = 6
const PAGES_PER_SEC = 60
const TRANSACTIONS_PER_SEC = 12

const START: Readonly<Record<Workload, (guest: Guest, address: string) => Load | Promise<Load>>> = {
  burner: (guest) => within(guest, `echo ${CPU_PERCENT} >/run/cpu`, 'burn'),
  dirtier: (guest) => within(guest, `echo ${DIRTY_MIB} >/run/dirty; echo ${DIRTY_SPAN_MIB} >/run/span`, 'dirty 0'),
  writer: (guest) => within(guest, `echo ${WRITE_MIB} >/run/write`, 'write /data/scratch'),
  web: (_guest, address) => askPages(address),
  database: (guest, address) => askTransactions(guest, address),
}

export async function startLoad(guest: Guest, kind: Workload, address: string): Promise<Load> {
  return START[kind](guest, address)
}

async function within(guest: Guest, settings: string, words: string): Promise<Load> {
  const [mode] = words.split(' ')
  await guest.does(`${settings}; systemd-run --quiet --unit=load /usr/local/bin/workload ${words}; sleep 2`)
  // A total, and when it was that by the guest's clock that stands still while the guest does.
  const done = async (): Promise<readonly number[]> =>
    (await guest.does(`cat /run/done-${mode} 2>/dev/null || echo 0 0`)).split(' ').map(Number)
  const [before, from] = await done()
  return {
    end: async () => {
      const [after, till] = await done()
      await guest.does('systemctl stop load 2>/dev/null || true')
      return till > from ? (after - before) / (till - from) : 0
    },
  }
}

/** One client that asks for a page, and for the next when its time has come and the last has arrived. */
function askPages(address: string): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const startedAt = performance.now()
  let served = 0
  let isEnding = false
  let timer: NodeJS.Timeout | undefined
  const next = (): void => {
    if (isEnding) return
    const askedAt = performance.now()
    const again = (): void => {
      timer = setTimeout(next, Math.max(0, 1000 / PAGES_PER_SEC - (performance.now() - askedAt)))
    }
    const request = get({ host: address, path: '/page', agent, timeout: 10_000 }, (answer) => {
      answer.resume()
      answer.once('end', () => served++)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => undefined)
    request.once('close', again)
  }
  next()
  return {
    end: () => {
      isEnding = true
      clearTimeout(timer)
      agent.destroy()
      return Promise.resolve((served * 1000) / (performance.now() - startedAt))
    },
  }
}

async function askTransactions(guest: Guest, address: string): Promise<Load> {
  const words = [
    '-h',
    address,
    '-U',
    'bench',
    '-c',
    '2',
    '-R',
    String(TRANSACTIONS_PER_SEC),
    '-n',
    '-T',
    '3600',
    'bench',
  ]
  const child: ChildProcess = spawn(PGBENCH, words, { stdio: 'ignore' })
  child.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  // pgbench tells its sums only when it ends by itself; the table that it writes a row to per transaction knows them too.
  const rows = async (): Promise<number> =>
    Number(
      await guest.does(
        "setpriv --reuid=postgres --clear-groups psql -Atc 'SELECT count(*) FROM pgbench_history' bench",
      ),
    )
  const before = await rows()
  const startedAt = performance.now()
  return {
    end: async () => {
      child.kill('SIGINT')
      await ended
      return (((await rows()) - before) * 1000) / (performance.now() - startedAt)
    },
  }
}
