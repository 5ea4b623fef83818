/** A program that asks for rankings, one after the other on one connection, as a process of its own: what a benchmark has in memory would be collected amid
 *  the answers. Told by `process.send` whom to ask for; says in milliseconds how long each answer took, from the request to its last byte. */
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** Rankings before those that are timed. */
const WARM_UP = 100
/** Of the answers that are timed, one in so many is read. */
const READ_EVERY = 50
/** Beside the time of an answer, as the API bounds what one token asks in the long run: nothing waits for that. */
const REST_MS = 12

export interface Asked {
  readonly port: number
  readonly ca: string
  readonly token: string
  readonly vms: readonly string[]
  /** Rankings that are timed. */
  readonly number: number
}

export interface Told {
  readonly tookMs: readonly number[]
  readonly bytes: number
  readonly hosts: number
}

interface Answered {
  readonly status: number
  /** Empty where it was not to be kept. */
  readonly body: Buffer
  readonly length: number
}

class Asker {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 })
  private readonly asked: Asked

  constructor(asked: Asked) {
    this.asked = asked
  }

  async run(): Promise<Told> {
    const { number } = this.asked
    await this.untilAnswered()
    for (let i = 0; i < (number < WARM_UP ? 0 : WARM_UP); i++) await this.ask(this.pathOf(i * 11))
    const tookMs: number[] = []
    let bytes = 0
    let hosts = 0
    for (let i = 0; i < number; i++) {
      const begin = performance.now()
      const isRead = i % READ_EVERY === 0
      const { status, body, length } = await this.ask(this.pathOf(i * 7), isRead)
      tookMs.push(performance.now() - begin)
      if (status !== 200) throw new Error(`${this.pathOf(i * 7)}: ${status} ${body.toString().slice(0, 300)}`)
      bytes = length
      if (isRead) hosts = hostsIn(body)
      await sleep(REST_MS)
    }
    this.agent.destroy()
    return { tookMs, bytes, hosts }
  }

  /** The server is up, and has hosts to rank. */
  private async untilAnswered(): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const answer = await this.ask(this.pathOf(0)).catch(() => undefined)
      if (answer?.status === 200) return
      await sleep(100)
    }
    throw new Error(`${this.pathOf(0)} was not answered within a minute.`)
  }

  private pathOf(i: number): string {
    const { vms } = this.asked
    return `/v1/vms/${vms[i % vms.length]}/hosts`
  }

  private ask(path: string, isKept = true): Promise<Answered> {
    const { port, ca, token } = this.asked
    const { agent } = this
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port, path, ca, agent, headers: { authorization: `Bearer ${token}` } },
        (response) => {
          const pieces: Buffer[] = []
          let length = 0
          response.on('data', (piece: Buffer) => {
            length += piece.length
            if (isKept) pieces.push(piece)
          })
          response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces), length }))
        },
      )
      asked.once('error', reject)
      asked.end()
    })
  }
}

function hostsIn(body: Buffer): number {
  const { ranked, refused } = JSON.parse(body.toString()) as { ranked: unknown[]; refused: unknown[] }
  return ranked.length + refused.length
}

const [asked] = (await once(process, 'message')) as [Asked]
process.send?.(await new Asker(asked).run())
process.disconnect()
