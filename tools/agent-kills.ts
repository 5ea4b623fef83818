/** Kills a process that offers vectors to a courier without a server, again and again at random, and then lets the server come. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { linesOf } from '../src/apps/server/builders.ts'
import { Luck } from '../src/terms/luck.ts'
import { HOUR_MS, MINUTE_MS } from '../src/terms/units.ts'
import { aSite, type Guest } from './agent-site.ts'

export interface KillRuns {
  readonly kills: number
  readonly spoolKiB: number
  readonly seed: number
}

export interface KillResult {
  /** Of which the process said that they were kept before it was killed. */
  readonly kept: number
  readonly delivered: number
  /** Kept, and not delivered. */
  readonly missing: number
  /** What the agent itself counts as lost. */
  readonly lost: number
  /** Delivered though the process was killed before it could say that they were kept. */
  readonly unsaid: number
}

/** Throws where a vector came twice, out of order, or from nowhere. */
export async function killAtRandom({ kills, spoolKiB, seed }: KillRuns): Promise<KillResult> {
  const plenty = { everyMs: 1, burst: 1e9 }
  const site = await aSite({ limits: { requests: plenty, vectors: plenty, slowMs: 0 } })
  try {
    const guest = site.aGuest()
    guest.offer('first', 0, 1)
    await guest.drive(MINUTE_MS)
    const luck = new Luck(seed)
    const kept: string[] = []
    for (let run = 0; run < kills; run++) kept.push(...(await runUntilKilled(guest, { run, spoolKiB, luck })))
    guest.restart({ settings: `spool-size = ${spoolKiB}KiB` })
    for (let hour = 0; hour < 100 && guest.courier.state.waiting > 0; hour++) await guest.drive(HOUR_MS)
    assert.equal(guest.courier.state.waiting, 0, guest.courier.state.held)
    const delivered = (await linesOf(site.server.store, guest.vm)).slice(1).map(nameOf)
    checkOrder(delivered)
    const has = new Set(delivered)
    assert.equal(has.size, delivered.length)
    const missing = kept.filter((name) => !has.has(name)).length
    const { lost } = guest.courier.state
    const unsaid = delivered.length - kept.length + missing
    return { kept: kept.length, delivered: delivered.length, missing, lost, unsaid }
  } finally {
    await site.close()
  }
}

/** Starts a process, kills it, and returns the names of what it said is kept. */
async function runUntilKilled(
  guest: Guest,
  { run, spoolKiB, luck }: { readonly run: number; readonly spoolKiB: number; readonly luck: Luck },
): Promise<readonly string[]> {
  const words = [new URL('agent-kill-victim.ts', import.meta.url).pathname, guest.vm, guest.state, `run-${run}`]
  const child = spawn(process.execPath, [...words, String(spoolKiB)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  const kill = (): void => void child.kill('SIGKILL')
  // A quarter is killed while it starts, the others when they have kept some, a little later.
  const isEarly = luck.fraction() < 0.25
  const after = luck.below(40)
  const laterMs = luck.fraction() * 4
  const timer = isEarly ? setTimeout(kill, luck.below(400)) : undefined
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
    if (!isEarly && said.split('\n').length > after) setTimeout(kill, laterMs)
  })
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return said.split('\n').slice(0, -1)
}

function checkOrder(names: readonly string[]): void {
  let before = [-1, -1]
  for (const name of names) {
    const [run, sequence] = name.slice(4).split('/').map(Number)
    assert.ok(run > before[0] || (run === before[0] && sequence > before[1]), `${name} after ${before.join('/')}`)
    before = [run, sequence]
  }
}

function nameOf(line: string): string {
  const { sender, seq } = JSON.parse(line) as { sender: string; seq: number }
  return `${sender}/${seq}`
}
