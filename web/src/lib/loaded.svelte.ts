/** Something that the server tells and that changes: asked at first, asked again when an event says so, and told with its age while it can't be had. */
import { untrack } from 'svelte'
import { type ApiFailure, asFailure } from './api.ts'
import type { Heard } from './heard.ts'
import { live } from './live.svelte.ts'

/** Between two askings for the same, however many events come. */
const PAUSE_MS = 1000
/** After a failure it is asked again by itself, later each time. */
const RETRY_MS = 2000
const RETRY_MS_MAX = 30_000

export interface LoadedOptions {
  /** Names of events after which it is asked again. */
  readonly on?: readonly string[]
}

/** `value` stays while it is asked again, and after a failure. */
export class Loaded<T> implements Heard<T> {
  value: T | undefined = $state.raw()
  failure: ApiFailure | undefined = $state.raw()
  isLoading = $state(true)
  heardAt: number | undefined = $state()
  private readonly ask: (signal: AbortSignal) => Promise<T>
  private readonly abort = new AbortController()
  private readonly forget: () => void
  private timer: ReturnType<typeof setTimeout> | undefined
  private askedAt = -Infinity
  private isAsking = false
  private isWanted = false
  private failures = 0

  constructor(ask: (signal: AbortSignal) => Promise<T>, { on = [] }: LoadedOptions = {}) {
    this.ask = ask
    this.forget = live.listen([...on, 'reconnected', 'lost'], () => this.again())
    void this.load()
  }

  get isStale(): boolean {
    return this.value !== undefined && this.failure !== undefined
  }

  /** Asks again, soon: once, however often it is called. */
  again(): void {
    if (this.abort.signal.aborted) return
    this.isWanted = true
    if (this.isAsking) return
    this.askIn(this.askedAt + PAUSE_MS - performance.now())
  }

  end(): void {
    this.abort.abort()
    this.forget()
    clearTimeout(this.timer)
  }

  private askIn(waitMs: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.load(), Math.max(0, waitMs))
  }

  private async load(): Promise<void> {
    this.isAsking = true
    this.isWanted = false
    this.isLoading = true
    this.askedAt = performance.now()
    try {
      this.value = await this.ask(this.abort.signal)
      this.failure = undefined
      this.heardAt = performance.now()
      this.failures = 0
    } catch (error) {
      if (this.abort.signal.aborted) return
      this.failure = asFailure(error)
      if (mayPass(this.failure)) this.askIn(Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.failures++))
    } finally {
      this.isAsking = false
      this.isLoading = false
    }
    if (this.isWanted && this.failure === undefined) this.again()
  }
}

/** What was refused for good is not asked again by itself. */
function mayPass({ status }: ApiFailure): boolean {
  return status === 0 || status === 429 || status >= 500
}

/** For a component: ends with it, and begins anew where what it reads of the component's state changes. */
export function load<T>(
  make: () => (signal: AbortSignal) => Promise<T>,
  options: LoadedOptions = {},
): { readonly current: Loaded<T> } {
  let current: Loaded<T> = $state.raw(new Loaded(make(), options))
  let isFirst = true
  $effect(() => {
    const ask = make()
    // What is only told here must not be listened to: it would begin anew because it began anew.
    return untrack(() => {
      if (isFirst) isFirst = false
      else current = new Loaded(ask, options)
      const mine = current
      return () => mine.end()
    })
  })
  return {
    get current() {
      return current
    },
  }
}
