/** Starts the demo, looks at it as the page does, and tells which moves it makes, how many seconds after its address was there, and what memory it takes.
 *
 *    node tools/demo/watch.ts                    as it begins, for two minutes
 *    node tools/demo/watch.ts 20 4074 600        from another beginning (placement and slot of the recording), for so many seconds
 *
 *  At the end also which hosts were busy for the last hour of the site, and which VMs stay though contention is expected. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BEGINNING, type Beginning } from '../../src/apps/demo-site/beginning.ts'
import type { Begun } from './begin.ts'
import { memoryOf, type ProcessMemory } from './process-memory.ts'

const LOOK_MS = 250
/** What the page's first pages ask for when their data change. */
const PAGES = ['/v1/outlook', '/v1/loads/history', '/v1/plans/latest', '/v1/alerts', '/v1/ledger', '/v1/vms?limit=100']
const PAGES_EVERY_LOOKS = 8
const WATCHED_SEC = 120
const SLOTS_PER_HOUR = 12
const BUSY = 0.85

interface Move {
  readonly id: string
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly class: string
  readonly reason: string
  readonly state: string
  readonly recordedAt: number
  /** Of one that has ended. */
  readonly endedAt?: number
  readonly detail?: string
}

export interface WatchedMove extends Pick<Move, 'id' | 'vm' | 'from' | 'to' | 'class'> {
  /** After the address was there, by the machine's clock: when it was first seen in the list of moves, and when it was seen to have ended. */
  readonly orderedSec: number
  endedSec?: number
  isDone?: boolean
}

export interface Watched {
  readonly moves: readonly WatchedMove[]
  /** At the end. */
  readonly memory: readonly ProcessMemory[]
  /** Share of its CPU that each host was busy with over the last hour of the site, by its name. */
  readonly busy: Readonly<Record<string, number>>
  /** Why VMs are not moved though their hosts are expected to contend, by their names. */
  readonly stays: Readonly<Record<string, string>>
}

/** Rejects where the demo ends by itself or does not answer. */
export async function watchDemo(
  beginning: Beginning,
  { seconds, say }: { readonly seconds: number; readonly say: (text: string) => void },
): Promise<Watched> {
  const child = fork(join(import.meta.dirname, 'begin.ts'), [String(beginning.seed), String(beginning.slot)])
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  try {
    const { port, token, afterSec, cpuSec } = await begunOf(child, ended)
    say(`it listens after ${afterSec.toFixed(1)} s, ${cpuSec.toFixed(1)} s of them CPU`)
    const begunAt = performance.now()
    const secondsNow = (): number => Math.round((performance.now() - begunAt) / 100) / 10
    const ask = asker(port, token)
    const moves = new Map<string, WatchedMove>()
    for (let looks = 0; secondsNow() < seconds; looks++) {
      for (const move of await movesOf(ask)) note(moves, move, secondsNow(), say)
      if (looks % PAGES_EVERY_LOOKS === 0) await Promise.all(PAGES.map((path) => ask(path)))
      await sleep(LOOK_MS)
    }
    return { moves: [...moves.values()], memory: memoryOf(child.pid ?? 0), ...(await standOf(ask)) }
  } finally {
    if (child.connected) child.disconnect()
    await ended
  }
}

async function begunOf(child: ChildProcess, ended: Promise<number | null>): Promise<Begun> {
  const begun = new Promise<Begun>((resolve) => child.once('message', (message) => resolve(message as Begun)))
  const first = await Promise.race([begun, ended])
  if (first === null || typeof first === 'number') throw new Error(`The demo ended with ${first} before it listened.`)
  return first
}

type Ask = (path: string) => Promise<unknown>

/** Answers undefined where a turn is awaited. */
function asker(port: number, token: string): Ask {
  return async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    if (!answer.ok && answer.status !== 503) throw new Error(`${path}: ${answer.status} ${text}`)
    return answer.ok ? JSON.parse(text) : undefined
  }
}

async function movesOf(ask: Ask): Promise<readonly Move[]> {
  const told = (await ask('/v1/migrations')) as { open: readonly Move[]; ended: readonly Move[] } | undefined
  return told === undefined ? [] : [...told.open, ...told.ended].toSorted((a, b) => a.recordedAt - b.recordedAt)
}

function mean(shares: readonly number[]): number {
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

async function standOf(ask: Ask): Promise<Pick<Watched, 'busy' | 'stays'>> {
  const history = (await ask('/v1/loads/history')) as { hosts: readonly { host: string; cpu: readonly number[] }[] }
  const plan = (await ask('/v1/plans/latest')) as { notDone: readonly { vm: string; reason: string }[] } | undefined
  return {
    busy: Object.fromEntries(history.hosts.map(({ host, cpu }) => [host, mean(cpu.slice(-SLOTS_PER_HOUR))])),
    stays: Object.fromEntries((plan?.notDone ?? []).map(({ vm, reason }) => [vm, reason])),
  }
}

function note(moves: Map<string, WatchedMove>, move: Move, sec: number, say: (text: string) => void): void {
  const { id, vm, from, to, class: why, reason, state, endedAt, detail = '' } = move
  let known = moves.get(id)
  if (known === undefined) {
    known = { id, vm, from, to, class: why, orderedSec: sec }
    moves.set(id, known)
    say(`${sec} s: ${why}: ${vm} from ${from} to ${to}. ${reason}`)
  }
  if (endedAt === undefined || known.endedSec !== undefined) return
  known.endedSec = sec
  known.isDone = state === 'done'
  say(`${sec} s: ${vm} ${known.isDone ? `runs on ${to}` : `stays on ${from}, ${state}: ${detail}`}`)
}

if (import.meta.main) {
  const [seed = BEGINNING.seed, slot = BEGINNING.slot, seconds = WATCHED_SEC] = process.argv.slice(2).map(Number)
  const { memory, busy, stays } = await watchDemo({ seed, slot }, { seconds, say })
  for (const [host, share] of Object.entries(busy))
    if (share >= BUSY)
      say(`${host} was busy with ${Math.round(share * 100)} % of its CPU over the last hour of the site`)
  for (const [vm, reason] of Object.entries(stays)) say(`${vm} stays: ${reason}`)
  for (const { name, residentMib, shareMib } of memory)
    say(`${name}: ${residentMib} MiB resident; ${shareMib} MiB with what processes share counted once`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
