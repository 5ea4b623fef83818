/** Keeps the ranker's thread: hands it each turn, asks it, and starts another where it ends or does not answer. */
import { Worker } from 'node:worker_threads'
import { entryUrl } from '../entry-url.ts'
import type { FromRanker, RankerSetup, ToRanker } from './ranker-messages.ts'
import type { Question } from './ranker-questions.ts'
import type { Answer } from './site-answers.ts'
import { THREAD_LIMITS } from './young-memory.ts'

/** An answer takes milliseconds; whoever waited so long is told that there is none. */
const ANSWER_MS_MAX = 10_000
/** Questions that wait at most: what comes beyond is told to come later. */
const WAITING_MOST = 1000
/** Places for a group on many hosts take seconds, and a look at what all hosts report a tenth of one, in which all others wait: so many such questions are
 *  let in. */
const WAITING_MOST_OF: Readonly<Partial<Record<Question['what'], number>>> = { place: 2, conflicts: 8 }
/** A thread that begins has a program to load and a turn to read: on a busy machine it may take so many times as long as an answer. */
const BEGINNING = 3
const BACKOFF_MS = 100
const BACKOFF_MS_MAX = 10_000

const LATE: Answer = {
  kind: 'unavailable',
  reason: 'The ranker did not answer in time. It is started anew: ask again.',
}
const BUSY: Answer = { kind: 'unavailable', reason: 'Too many questions wait for an answer. Ask again in a second.' }
const ENDED: Answer = {
  kind: 'unavailable',
  reason: 'The ranker ended while it was asked, and is started anew: ask again.',
}

export interface RankerOptions extends RankerSetup {
  readonly onLoaded: (message: Extract<FromRanker, { kind: 'loaded' }>) => void
  readonly onFailed: (message: Extract<FromRanker, { kind: 'failed' }>) => void
  /** The thread ended and is started anew. */
  readonly onEnd: (why: string) => void
}

interface Waiting {
  readonly what: Question['what']
  readonly resolve: (answer: Answer) => void
  readonly timer: NodeJS.Timeout
}

export class Ranker {
  private readonly options: RankerOptions
  private worker: Worker | undefined
  private readonly waiting = new Map<number, Waiting>()
  private nextId = 0
  private failures = 0
  private packet: Uint8Array | undefined
  private restart: NodeJS.Timeout | undefined
  private isClosing = false
  /** When the thread last said anything, by the monotonic clock; at first, when it was started. */
  private heardAt = -Infinity
  private hasSpoken = false

  constructor(options: RankerOptions) {
    this.options = options
  }

  start(): void {
    const { place, pace } = this.options
    const setup: RankerSetup = { place, ...(pace === undefined ? {} : { pace }) }
    const worker = new Worker(entryUrl(import.meta.url, './ranker-thread'), {
      workerData: setup,
      resourceLimits: THREAD_LIMITS,
    })
    this.worker = worker
    this.heardAt = performance.now()
    this.hasSpoken = false
    let why = 'It ended by itself.'
    worker.on('message', (message: FromRanker) => this.hear(message))
    worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error)
    })
    worker.once('exit', () => {
      if (this.worker === worker) this.ended(why)
    })
    // A new thread begins where the last one was.
    if (this.packet === undefined) this.send({ kind: 'look' })
    else this.send({ kind: 'load', packet: this.packet })
  }

  /** Answers come from this turn from now on. */
  load(packet: Uint8Array): void {
    this.packet = packet
    this.send({ kind: 'load', packet })
  }

  /** Nobody takes turns: answers come from what the store holds. */
  look(): void {
    this.packet = undefined
    this.send({ kind: 'look' })
  }

  async ask(question: Question, degraded: readonly string[]): Promise<Answer> {
    if (this.worker === undefined) return ENDED
    if (this.waiting.size >= WAITING_MOST) return BUSY
    const { what } = question
    const most = WAITING_MOST_OF[what]
    if (most !== undefined && this.waitingOf(what) >= most) return BUSY
    const id = this.nextId++
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.settle(id, LATE)
        // Whatever holds it up would hold up all others too. One that answers others is only slow, and another would be slower still.
        if (performance.now() - this.heardAt >= (this.hasSpoken ? 1 : BEGINNING) * ANSWER_MS_MAX) this.terminate()
      }, ANSWER_MS_MAX)
      timer.unref()
      this.waiting.set(id, { what, resolve, timer })
      this.send({ kind: 'ask', id, question, degraded })
    })
  }

  /** Ends the thread; another one begins. */
  terminate(): void {
    this.worker?.terminate().catch(() => undefined)
  }

  async close(): Promise<void> {
    this.isClosing = true
    clearTimeout(this.restart)
    const { worker } = this
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
    })
    this.send({ kind: 'close' })
    const killer = setTimeout(() => this.terminate(), ANSWER_MS_MAX)
    await ended
    clearTimeout(killer)
  }

  private send(message: ToRanker): void {
    this.worker?.postMessage(message)
  }

  private hear(message: FromRanker): void {
    this.heardAt = performance.now()
    this.hasSpoken = true
    if (message.kind === 'answer') this.settle(message.id, message.answer)
    else if (message.kind === 'loaded') {
      this.failures = 0
      this.options.onLoaded(message)
    } else {
      // What could not be read once can't be read by the next thread either.
      if (message.source === 'turn') this.packet = undefined
      this.options.onFailed(message)
    }
  }

  private waitingOf(kind: Question['what']): number {
    let count = 0
    for (const { what } of this.waiting.values()) if (what === kind) count++
    return count
  }

  private settle(id: number, answer: Answer): void {
    const waiting = this.waiting.get(id)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.waiting.delete(id)
    waiting.resolve(answer)
  }

  private ended(why: string): void {
    this.worker = undefined
    for (const id of this.waiting.keys()) this.settle(id, ENDED)
    if (this.isClosing) return
    this.options.onEnd(why)
    // A packet that kills each thread that opens it is not handed to a third.
    if (this.failures >= 2) this.packet = undefined
    this.restart = setTimeout(() => this.start(), Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** this.failures++))
    this.restart.unref()
  }
}
