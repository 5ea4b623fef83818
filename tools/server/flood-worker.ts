/** The thread that floods, for so many seconds; then it tells what came of it. */
import { Agent, request } from 'node:https'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { aLine, type Identity } from '../../src/apps/server/builders.ts'

export interface FloodOrder {
  readonly port: number
  readonly flooder: Identity
  readonly idle: number
  readonly floodPerSec: number
  readonly seconds: number
}

export interface FloodTold {
  readonly sent: number
  readonly accepted: number
  readonly idleHeldMax: number
}

/** The address that idle connections come from: another than those of the agents. */
const THERE = '127.0.0.9'
const LANES = 50
const PATIENCE_MS = 2000

const order = workerData as FloodOrder
const signal = AbortSignal.timeout(order.seconds * 1000)
const [idleHeldMax, storm] = await Promise.all([holdIdle(order, signal), storming(order, signal)])
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, and no window
parentPort?.postMessage({ ...storm, idleHeldMax } satisfies FloodTold)
process.exit(0)

/** Opens connections that say nothing, and opens them again as they are cut off. Returns the most that were open at a time. */
async function holdIdle({ port, idle }: FloodOrder, until: AbortSignal): Promise<number> {
  const open = new Set<Socket>()
  let held = 0
  let most = 0
  while (!until.aborted) {
    for (let i = 0; i < 100 && open.size < idle; i++) {
      const at = { host: '127.0.0.1', port, localAddress: THERE, rejectUnauthorized: false }
      const socket = connect(at, () => {
        most = Math.max(most, ++held)
        socket.once('close', () => held--)
      })
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => open.delete(socket))
    }
    await sleep(100)
  }
  return most
}

/** Sends as fast as it is told on a few connections that pipeline nothing. */
async function storming({ port, flooder, floodPerSec }: FloodOrder, until: AbortSignal) {
  let sent = 0
  let accepted = 0
  const lanes = Array.from({ length: LANES }, async () => {
    const agent = new Agent({ keepAlive: true, ca: flooder.ca, key: flooder.key, cert: flooder.cert })
    while (!until.aborted) {
      const body = `${aLine(flooder.vm, ++sent)}\n`
      const status = await Promise.race([post({ port, agent, body }), sleep(PATIENCE_MS).then(() => 0)])
      if (status === 200) accepted++
      await sleep((LANES * 1000) / floodPerSec)
    }
  })
  await Promise.all(lanes)
  return { sent, accepted }
}

function post({ port, agent, body }: { port: number; agent: Agent; body: string }): Promise<number> {
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': String(body.length) }
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, method: 'POST', path: '/v1/vectors', agent, headers },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
        answer.on('error', () => resolve(0))
      },
    )
    asked.on('error', () => resolve(0))
    asked.end(body)
  })
}
