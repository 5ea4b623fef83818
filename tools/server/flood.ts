/** One identity floods, thousands of connections idle, and hundreds of agents report as they do: how long do these wait? */
import { type Socket } from 'node:net'
import { connect } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { aLine, type Bench, type Identity } from '../../src/apps/server/builders.ts'

export interface FloodSize {
  readonly agents: number
  readonly idle: number
  readonly floodPerSec: number
  readonly seconds: number
}

export interface FloodCounts {
  readonly calmP99Ms: number
  readonly floodedP99Ms: number
  readonly reports: number
  readonly reportsRefused: number
  readonly floodSent: number
  readonly floodAccepted: number
  readonly idleHeldMax: number
}

/** The address that idle connections come from: another than those of the agents. */
const THERE = '127.0.0.9'
/** Agents behind one address, as behind the address of their host. */
const BEHIND_ONE = 10

function addressOf(agent: number): string {
  return `127.0.1.${1 + Math.floor(agent / BEHIND_ONE)}`
}

/** @param bench a server that runs in another process, to which it is attached */
export async function flood(bench: Bench, { agents, idle, floodPerSec, seconds }: FloodSize): Promise<FloodCounts> {
  const members: Identity[] = []
  for (let i = 0; i < agents; i++) members.push(await patiently(() => bench.member(undefined, addressOf(i))))
  const flooder = await patiently(() => bench.member('flooder'))
  const calm = await report(bench, members, { seconds, from: 0 })
  const control = new AbortController()
  const held = holdIdle(bench, idle, control.signal)
  const storm = storming(bench, flooder, floodPerSec, control.signal)
  const flooded = await report(bench, members, { seconds, from: 1 })
  control.abort()
  const { sent, accepted } = await storm
  return {
    calmP99Ms: p99(calm.tookMs),
    floodedP99Ms: p99(flooded.tookMs),
    reports: flooded.tookMs.length,
    reportsRefused: calm.refused + flooded.refused,
    floodSent: sent,
    floodAccepted: accepted,
    idleHeldMax: await held,
  }
}

/** Each agent reports once, spread over the time. */
async function report(
  bench: Bench,
  members: readonly Identity[],
  { seconds, from }: { seconds: number; from: number },
) {
  const tookMs: number[] = []
  let refused = 0
  const all = members.map(async (member, i) => {
    await sleep((seconds * 1000 * i) / members.length)
    const startedAt = performance.now()
    const status = await bench.send({ ...member }, [aLine(member.vm, from)]).then(
      (answer) => answer.status,
      () => 0,
    )
    tookMs.push(performance.now() - startedAt)
    if (status !== 200) refused++
  })
  await Promise.all(all)
  return { tookMs, refused }
}

/** Opens connections that say nothing, and opens them again as they are cut off. Returns the most that were open at a time. */
async function holdIdle(bench: Bench, wanted: number, signal: AbortSignal): Promise<number> {
  const open = new Set<Socket>()
  let most = 0
  while (!signal.aborted) {
    for (let i = 0; i < 100 && open.size < wanted; i++) {
      const at = { host: '127.0.0.1', port: bench.server.port, localAddress: THERE, rejectUnauthorized: false }
      const socket = connect(at, () => (most = Math.max(most, [...open].filter((other) => !other.destroyed).length)))
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => open.delete(socket))
    }
    await sleep(100)
  }
  for (const socket of open) socket.destroy()
  return most
}

/** Sends as fast as it is told on a few connections that pipeline nothing. */
async function storming(bench: Bench, flooder: Identity, perSec: number, signal: AbortSignal) {
  let sent = 0
  let accepted = 0
  const lanes = Array.from({ length: 50 }, async () => {
    const own = { ...flooder }
    while (!signal.aborted) {
      sent++
      const one = bench.send(own, [aLine(flooder.vm, sent)]).then(
        ({ status }) => status,
        () => 0,
      )
      const status = await Promise.race([one, sleep(2000).then(() => 0)])
      if (status === 200) accepted++
      await sleep((50 * 1000) / perSec)
    }
  })
  await Promise.all(lanes)
  return { sent, accepted }
}

async function patiently<T>(join: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await join()
    } catch {
      await sleep(1000)
    }
  }
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] * 10) / 10
}
