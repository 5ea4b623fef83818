/** One identity floods, thousands of connections idle, and hundreds of agents report as they do: how long do these wait? Who floods does so from a
 *  thread of its own, so that what it costs itself is not counted as a wait of the others. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { aLine, type Bench, type Identity } from '../../src/apps/server/builders.ts'
import type { FloodOrder, FloodTold } from './flood-worker.ts'

export interface FloodSize {
  readonly agents: number
  readonly idle: number
  readonly floodPerSec: number
  readonly seconds: number
}

export interface FloodCounts {
  readonly calmP50Ms: number
  readonly calmP99Ms: number
  readonly floodedP50Ms: number
  readonly floodedP99Ms: number
  /** CPU that the server used meanwhile: what a machine with other work does to waits it does not do to this. */
  readonly calmServerCpuSec: number
  readonly floodedServerCpuSec: number
  readonly reports: number
  readonly reportsRefused: number
  readonly whyRefused: string
  readonly floodSent: number
  readonly floodAccepted: number
  readonly idleHeldMax: number
}

/** Agents behind one address, as behind the address of their host. */
const BEHIND_ONE = 10

function addressOf(agent: number): string {
  return `127.0.1.${1 + Math.floor(agent / BEHIND_ONE)}`
}

/** @param bench a server that runs in another process, to which it is attached
 *  @param cpuSec CPU that the server has used */
export async function flood(
  bench: Bench,
  { agents, idle, floodPerSec, seconds }: FloodSize,
  cpuSec: () => number,
): Promise<FloodCounts> {
  const members: Identity[] = []
  for (let i = 0; i < agents; i++) members.push(await patiently(() => bench.member(undefined, addressOf(i))))
  const flooder = await patiently(() => bench.member('flooder'))
  const usedBefore = cpuSec()
  const calm = await report(bench, members, { seconds, from: 0 })
  const usedCalm = cpuSec()
  const worker = new Worker(new URL('flood-worker.ts', import.meta.url), {
    workerData: { port: bench.server.port, flooder, idle, floodPerSec, seconds } satisfies FloodOrder,
  })
  const ended = once(worker, 'message') as Promise<[FloodTold]>
  const flooded = await report(bench, members, { seconds, from: 1 })
  const [{ sent, accepted, idleHeldMax }] = await ended
  return {
    calmP50Ms: quantile(calm.tookMs, 0.5),
    calmP99Ms: quantile(calm.tookMs, 0.99),
    floodedP50Ms: quantile(flooded.tookMs, 0.5),
    floodedP99Ms: quantile(flooded.tookMs, 0.99),
    calmServerCpuSec: usedCalm - usedBefore,
    floodedServerCpuSec: cpuSec() - usedCalm,
    reports: flooded.tookMs.length,
    reportsRefused: calm.refused.length + flooded.refused.length,
    whyRefused: [...calm.refused.map((why) => `in calm: ${why}`), ...flooded.refused].slice(0, 20).join('; '),
    floodSent: sent,
    floodAccepted: accepted,
    idleHeldMax,
  }
}

/** Each agent reports once, spread over the time. */
async function report(
  bench: Bench,
  members: readonly Identity[],
  { seconds, from }: { seconds: number; from: number },
) {
  const tookMs: number[] = []
  const refused: string[] = []
  const all = members.map(async (member, i) => {
    await sleep((seconds * 1000 * i) / members.length)
    const startedAt = performance.now()
    const status = await bench.send({ ...member }, [aLine(member.vm, from)]).then(
      (answer) => String(answer.status),
      (error: unknown) => `${String(error)} after ${Math.round(performance.now() - startedAt)} ms`,
    )
    tookMs.push(performance.now() - startedAt)
    if (status !== '200') refused.push(status)
  })
  await Promise.all(all)
  return { tookMs, refused }
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

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] * 10) / 10
}
