/** A guest's network seen from outside, twenty times a second: the pause of a move as whoever talks to the guest has it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

const BUSYBOX = '/usr/bin/busybox'
export const ECHO_EVERY_MS = 50
/** A guest that only just booted may not answer at once. */
const FIRST_MS_MAX = 30_000

export class Echoes {
  private readonly child: ChildProcess
  private readonly heard: number[] = []

  private constructor(address: string) {
    this.child = spawn(BUSYBOX, ['ping', '-i', String(ECHO_EVERY_MS / 1000), address], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      for (const [, number] of text.matchAll(/seq=(\d+)/g)) this.heard.push(Number(number))
    })
    process.once('exit', () => this.child.kill('SIGKILL'))
  }

  /** Returns once the guest answers. */
  static async of(address: string): Promise<Echoes> {
    const echoes = new Echoes(address)
    const endsAt = performance.now() + FIRST_MS_MAX
    while (echoes.heard.length === 0) {
      if (performance.now() > endsAt) throw new Error(`${address} answers no ping`)
      await pause(ECHO_EVERY_MS)
    }
    return echoes
  }

  /** Stops asking. Returns the longest time without an answer, in ms, as a multiple of the interval. */
  async end(): Promise<number> {
    const closed = once(this.child, 'close')
    this.child.kill('SIGINT')
    await closed
    const gaps = this.heard.slice(1).map((number, i) => number - this.heard[i])
    return (Math.max(1, ...gaps) - 1) * ECHO_EVERY_MS
  }
}
