/** Keeps the controller's process: starts it, hears it, ends it when it hangs, and starts it again, later each time. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ParseError } from '../../terms/parse.ts'
import type { SiteStore } from '../../world/site-store.ts'
import {
  type AskMessage,
  type AskResult,
  type ControllerAsk,
  type ControllerMessage,
  type ControllerOptions,
  parseControllerMessage,
} from './controller-messages.ts'
import { parseWriteMessage, serveWrite, type WriteMessage } from './controller-writes.ts'
import { YOUNG_GARBAGE } from '../young-garbage.ts'
import { entryUrl } from '../entry-url.ts'
import { PROCESS_SWITCH } from './young-memory.ts'

/** Nothing heard for so many intervals: it hangs, and is ended. */
const HUNG_INTERVALS = 3
/** To start and open the store a process may take so long, on a machine that is busy. */
const BIRTH_MS_MAX = 60_000
const BACKOFF_MS_MAX = 60_000
/** For 10,000 VMs with six hours of past; the engine alone needs a tenth of it. */
const MEMORY_MB = 1024
const STOP_MS = 5000
/** The last words of a process that ended are kept, not its life. */
const LAST_WORDS_MAX = 2000

export interface ControllerProcessOptions extends ControllerOptions {
  /** First wait before it is started again; doubled up to a minute until it takes a turn. */
  readonly backoffMs?: number
  readonly memoryMb?: number
  /** Another program in the controller's place, for tests. */
  readonly entry?: URL
  /** Where its writes go. */
  readonly store: Pick<SiteStore, 'journal' | 'leases'>
  readonly onMessage: (message: ControllerMessage) => void
  /** It ended, by itself or by us; why, as far as can be told. It is started again. */
  readonly onEnd: (why: string) => void
}

export class ControllerProcess {
  private readonly options: ControllerProcessOptions
  private child: ChildProcess | undefined
  private heardAt = 0
  private isHeard = false
  private failures = 0
  private ignored = 0
  private isClosing = false
  private restart: NodeJS.Timeout | undefined
  private watchdog: NodeJS.Timeout | undefined
  /** Who waits for an answer of the process that runs now. */
  private readonly asked = new Map<number, (result: AskResult | undefined) => void>()
  private lastAsk = 0

  constructor(options: ControllerProcessOptions) {
    this.options = options
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Messages that were none, since the start. */
  get ignoredMessages(): number {
    return this.ignored
  }

  start(): void {
    this.spawn()
    this.watchdog = setInterval(() => this.endIfHung(), Math.max(50, this.options.everyMs / 4))
    this.watchdog.unref()
  }

  /** Asks it, and waits so long at most. Undefined: there is nobody, or no answer came. */
  async ask(ask: ControllerAsk, waitMs: number): Promise<AskResult | undefined> {
    const { child } = this
    if (child?.connected !== true) return undefined
    // One that has said nothing holds no lease yet, and reads what people want once it does.
    if (ask.what === 'heed' && !this.isHeard) return { kind: 'done', text: 'It has not begun yet.' }
    const id = this.lastAsk++
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(undefined), waitMs)
      const end = (result: AskResult | undefined): void => {
        clearTimeout(timer)
        this.asked.delete(id)
        resolve(result)
      }
      this.asked.set(id, end)
      const message: AskMessage = { kind: 'ask', id, ask }
      child.send(message, (error) => {
        if (error !== null) end(undefined)
      })
    })
  }

  /** Ends it at once: what does not listen must not act. It is started again, and reads what people want first. */
  kill(): void {
    this.child?.kill('SIGKILL')
  }

  /** Asks it to end, and ends it if it does not. */
  async close(): Promise<void> {
    this.isClosing = true
    clearTimeout(this.restart)
    clearInterval(this.watchdog)
    const { child } = this
    if (child === undefined) return
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
    })
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(killer)
  }

  private spawn(): void {
    const { place, everyMs, holder, leaseMs, pace, platform, turns } = this.options
    let child: ChildProcess
    try {
      child = this.fork()
    } catch (error) {
      // Where there is no memory for one, Node throws.
      return this.ended(`It could not be started. ${error instanceof Error ? error.message : String(error)}`)
    }
    let lastWords = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_MAX)
    })
    this.child = child
    this.heardAt = performance.now()
    this.isHeard = false
    child.on('message', (message) => this.hear(child, message))
    child.on('error', (error) => {
      lastWords = error.message
      // What never began does not end either.
      if (child.pid === undefined && this.child === child) this.ended(`It could not be started. ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      if (this.child === child) this.ended(`It ended with ${signal ?? `code ${code}`}. ${lastWords.trim()}`.trim())
    })
    // Out of processes or of files: its error comes, and there is nobody to speak to.
    if (child.pid === undefined) return
    const beside = { ...(pace === undefined ? {} : { pace }), ...(platform === undefined ? {} : { platform }) }
    const keeping = turns === undefined ? {} : { turns }
    const first: ControllerOptions = { place, everyMs, holder, leaseMs, ...beside, ...keeping }
    child.send(first, (error) => {
      if (error !== null) child.kill('SIGKILL')
    })
  }

  private fork(): ChildProcess {
    const { memoryMb = MEMORY_MB, entry = entryUrl(import.meta.url, './controller') } = this.options
    return fork(fileURLToPath(entry), [], {
      execArgv: [`--max-old-space-size=${memoryMb}`, PROCESS_SWITCH, YOUNG_GARBAGE],
      // Typed arrays pass as they are.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
  }

  private hear(child: ChildProcess, message: unknown): void {
    // One that was ended may have said something before.
    if (this.child !== child) return
    this.heardAt = performance.now()
    this.isHeard = true
    let parsed: ControllerMessage
    try {
      const write = parseWriteMessage(message)
      if (write !== undefined) {
        void this.write(child, write)
        return
      }
      parsed = parseControllerMessage(message)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.ignored++
      return
    }
    if (parsed.kind === 'answered') return this.asked.get(parsed.id)?.(parsed.result)
    if (parsed.kind === 'turn' || parsed.kind === 'standby') this.failures = 0
    this.options.onMessage(parsed)
  }

  private async write(child: ChildProcess, message: WriteMessage): Promise<void> {
    const reply = await serveWrite(this.options.store, message)
    if (child.connected) child.send(reply, () => undefined)
  }

  private ended(why: string): void {
    this.child = undefined
    for (const end of this.asked.values()) end(undefined)
    if (this.isClosing) return
    this.options.onEnd(why)
    const { backoffMs = 1000 } = this.options
    this.restart = setTimeout(() => this.spawn(), Math.min(BACKOFF_MS_MAX, backoffMs * 2 ** this.failures++))
    this.restart.unref()
  }

  private endIfHung(): void {
    const silentMs = performance.now() - this.heardAt
    const hungMs = HUNG_INTERVALS * this.options.everyMs
    if (silentMs > (this.isHeard ? hungMs : Math.max(hungMs, BIRTH_MS_MAX))) this.child?.kill('SIGKILL')
  }
}
