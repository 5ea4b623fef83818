/** What happens at the server, as it happens: one stream of server-sent events for the whole page. */

type Listener = (name: string, data: unknown) => void

const NAMES = ['turn', 'alert', 'move', 'migration', 'outcome', 'host', 'status', 'missed', 'backtest'] as const

/** A stream that was refused is tried anew after so long; one that broke is opened again by the browser. */
const RECONNECT_MS = 3000

export class Live {
  /** Whether events come. */
  isConnected = $state(false)
  /** Counts each time that it was opened. */
  private opened = 0
  private source: EventSource | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly listeners = new Map<string, Set<Listener>>()

  open(): void {
    if (this.source !== undefined) return
    const source = new EventSource('/v1/events')
    this.source = source
    source.addEventListener('open', () => {
      this.isConnected = true
      if (this.opened++ > 0) this.tell('reconnected', undefined)
    })
    source.addEventListener('error', () => {
      const wasConnected = this.isConnected
      this.isConnected = false
      // Whether what is shown still stands has to be asked now: nothing will tell.
      if (wasConnected) this.tell('lost', undefined)
      // The browser comes back by itself, except where it was refused.
      if (source.readyState === EventSource.CLOSED) {
        this.source = undefined
        clearTimeout(this.timer)
        this.timer = setTimeout(() => this.open(), RECONNECT_MS)
      }
    })
    for (const name of NAMES)
      source.addEventListener(name, (event) => {
        const data = readData((event as MessageEvent<string>).data)
        if (name === 'missed') this.tell('reconnected', undefined)
        else this.tell(name, data)
      })
  }

  close(): void {
    clearTimeout(this.timer)
    this.source?.close()
    this.source = undefined
    this.isConnected = false
  }

  /** Hears events of these names; returns what ends it. */
  listen(names: readonly string[], listener: Listener): () => void {
    for (const name of names) {
      const those = this.listeners.get(name) ?? new Set()
      this.listeners.set(name, those.add(listener))
    }
    return () => {
      for (const name of names) this.listeners.get(name)?.delete(listener)
    }
  }

  private tell(name: string, data: unknown): void {
    for (const listener of this.listeners.get(name) ?? []) listener(name, data)
  }
}

function readData(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export const live = new Live()
