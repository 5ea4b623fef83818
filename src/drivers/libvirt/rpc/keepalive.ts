/** libvirt's pings: whoever hears nothing for an interval asks, and after so many questions without any sign of life the connection is over. */

export interface KeepaliveOptions {
  readonly intervalMs: number
  /** Pings without an answer before the connection counts as dead: after `intervalMs` times `count` + 1, and an interval more at most. */
  readonly count: number
}

export const KEEPALIVE_PROCEDURE = { ping: 1, pong: 2 } as const

export class Keepalive {
  private readonly options: KeepaliveOptions
  private readonly ask: () => void
  private readonly die: () => void
  private timer: NodeJS.Timeout | undefined
  private hasHeard = true
  private asked = 0

  constructor(options: KeepaliveOptions, ask: () => void, die: () => void) {
    this.options = options
    this.ask = ask
    this.die = die
  }

  start(): void {
    if (this.timer !== undefined) return
    this.timer = setInterval(() => this.look(), this.options.intervalMs)
    this.timer.unref()
  }

  /** A whole message came, whatever it was. */
  heard(): void {
    this.hasHeard = true
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private look(): void {
    if (this.hasHeard) this.asked = 0
    else if (this.asked === this.options.count) {
      this.stop()
      this.die()
      return
    }
    if (!this.hasHeard) {
      this.asked++
      this.ask()
    }
    this.hasHeard = false
  }
}
