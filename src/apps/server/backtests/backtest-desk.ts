/** Runs the backtests that people ask for, one at a time, each in a process of its own, and keeps what came of the last of them. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../../../world/clock.ts'
import { entryUrl } from '../../entry-url.ts'
import { type JobProcess, startJob } from '../job-process.ts'
import type { StorePlace } from '../open-site.ts'
import type { SiteEvent } from '../site-answers.ts'
import type { BacktestState, BacktestSummary } from '../views/backtests.ts'
import { BacktestFolder } from './backtest-folder.ts'
import type { ChildTask, FromChild } from './child.ts'
import { type BacktestJob, KEPT_MAX } from './job.ts'

/** For 3 million VM-steps with all their columns, and the course of six policies. */
const MEMORY_MB = 2048
/** A backtest that says nothing for so long hangs. One turn of the largest takes seconds. */
const SILENT_MS_MAX = 600_000
const INTERRUPTED = 'The server ended while it ran. Ask for it again.'

export interface BacktestDeskOptions {
  /** Where results are kept; made where it is missing. */
  readonly folder: string
  /** Which store the site's own past is read from. */
  readonly place: StorePlace
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** Another program in the child's place, for tests. */
  readonly entry?: URL
}

/** What runs now. */
interface Running {
  readonly process: JobProcess
  readonly id: string
  /** Why it was ended, where it was. */
  ended?: { readonly state: BacktestState; readonly reason: string }
  timer?: NodeJS.Timeout
  readonly over: Promise<void>
}

export class BacktestDesk {
  readonly folder: BacktestFolder
  private readonly options: BacktestDeskOptions
  private readonly listeners = new Set<(event: SiteEvent) => void>()
  /** Newest first. */
  private known: readonly BacktestSummary[] = []
  /** Records on their way to the folder. */
  private kept: Promise<unknown> = Promise.resolve()
  private running: Running | undefined
  private loading: Promise<void> | undefined

  constructor(options: BacktestDeskOptions) {
    this.options = options
    this.folder = new BacktestFolder(options.folder)
  }

  /** Told of each change. Returns how to stop. */
  subscribe(listener: (event: SiteEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Newest first. */
  async list(): Promise<readonly BacktestSummary[]> {
    await this.load()
    return this.known
  }

  async find(id: string): Promise<BacktestSummary | undefined> {
    return (await this.list()).find((one) => one.id === id)
  }

  /** The process that runs one now, for people who want to look at it. */
  get pid(): number | undefined {
    return this.running?.process.pid
  }

  /** Begins one; the one that runs already, where there is one. */
  async start(
    job: BacktestJob,
    who: string,
  ): Promise<{ readonly kind: 'started' | 'busy'; readonly summary: BacktestSummary }> {
    await this.load()
    const busy = this.known.find(({ state }) => state === 'running')
    if (busy !== undefined) return { kind: 'busy', summary: busy }
    const { vms: _, hosts: __, ...about } = job
    const summary: BacktestSummary = {
      id: randomBytes(8).toString('hex'),
      state: 'running',
      progress: { share: 0 },
      who,
      startedAt: this.options.clock.now(),
      ...about,
      policies: [...job.policies],
    }
    // Counts from here on: who asks next is told that one runs.
    this.known = [summary, ...this.known]
    try {
      await this.folder.write(summary)
    } catch (error) {
      this.known = this.known.filter(({ id }) => id !== summary.id)
      throw error
    }
    // It may have been ended meanwhile: then it has no process.
    if (this.known.find(({ id }) => id === summary.id)?.state === 'running') this.spawn(summary, job)
    await this.dropOldest()
    return { kind: 'started', summary: this.known.find(({ id }) => id === summary.id) ?? summary }
  }

  /** Ends one that runs: it stays on the list as cancelled. One that is over is deleted. Undefined: there is none of that id. */
  async remove(id: string, who: string): Promise<'cancelled' | 'deleted' | undefined> {
    const found = await this.find(id)
    if (found === undefined) return undefined
    if (found.state === 'running') {
      await this.stop(id, { state: 'cancelled', reason: `Cancelled by ${who}.` })
      return 'cancelled'
    }
    this.known = this.known.filter((one) => one.id !== id)
    await this.folder.remove(id)
    return 'deleted'
  }

  /** Ends what runs; it is told as interrupted. */
  async close(): Promise<void> {
    const running = this.known.find(({ state }) => state === 'running')
    if (running !== undefined) await this.stop(running.id, { state: 'interrupted', reason: INTERRUPTED })
    this.listeners.clear()
    // What has just ended is told and perhaps not written yet.
    await this.kept
  }

  /** Ends what runs. While its record is still being written it has no process, and gets none. */
  private async stop(id: string, ended: NonNullable<Running['ended']>): Promise<void> {
    const { running } = this
    if (running?.id === id) return this.end(running, ended)
    const changed = this.change(id, { ...ended, endedAt: this.options.clock.now() })
    if (changed !== undefined) await this.keep(changed)
  }

  private async end(running: Running, ended: NonNullable<Running['ended']>): Promise<void> {
    running.ended ??= ended
    running.process.kill()
    await running.over
  }

  private load(): Promise<void> {
    this.loading ??= this.readFolder()
    return this.loading
  }

  private async readFolder(): Promise<void> {
    const found = await this.folder.list()
    const states = found.map(
      (one): BacktestSummary => (one.state === 'running' ? { ...one, state: 'interrupted', reason: INTERRUPTED } : one),
    )
    this.known = states
    for (const [i, one] of states.entries()) if (one !== found[i]) await this.keep(one)
  }

  private async dropOldest(): Promise<void> {
    const dropped = this.known.slice(KEPT_MAX)
    this.known = this.known.slice(0, KEPT_MAX)
    for (const { id } of dropped) await this.folder.remove(id)
  }

  private spawn({ id }: BacktestSummary, job: BacktestJob): void {
    const { entry = entryUrl(import.meta.url, './child'), place, clock } = this.options
    const { promise: over, resolve } = Promise.withResolvers<void>()
    let last: FromChild | undefined
    const task: ChildTask = { job, place, now: clock.now(), folder: this.folder.of(id) }
    const process = startJob<FromChild>({
      entry,
      memoryMb: MEMORY_MB,
      task,
      hear: (message) => {
        last = message
        if (message.kind === 'progress') this.tellProgress(running, message)
      },
      ended: (how) => {
        clearTimeout(running.timer)
        void this.finished(running, last, how).then(resolve, resolve)
      },
    })
    const running: Running = { process, id, over }
    this.running = running
    this.watch(running)
  }

  private watch(running: Running): void {
    clearTimeout(running.timer)
    const reason = `It said nothing for ${SILENT_MS_MAX / 60_000} minutes and was ended. Ask for a shorter span.`
    running.timer = setTimeout(() => void this.end(running, { state: 'failed', reason }), SILENT_MS_MAX)
    running.timer.unref()
  }

  private tellProgress(running: Running, { share, policy }: Extract<FromChild, { kind: 'progress' }>): void {
    if (running !== this.running || running.ended !== undefined) return
    this.watch(running)
    this.change(running.id, { progress: { share, policy } })
  }

  private async finished(running: Running, last: FromChild | undefined, how: string): Promise<void> {
    if (this.running === running) this.running = undefined
    const endedAt = this.options.clock.now()
    const end = endOf(running.ended, last, how)
    if (end.state === 'failed' && last?.kind !== 'refused') this.options.log.error({ reason: how }, 'a backtest failed')
    const changed = this.change(running.id, {
      ...end,
      endedAt,
      ...(end.state === 'done' ? { progress: { share: 1 } } : {}),
    })
    if (changed !== undefined) await this.keep(changed)
  }

  private change(id: string, changes: Partial<BacktestSummary>): BacktestSummary | undefined {
    const was = this.known.find((one) => one.id === id)
    if (was === undefined) return undefined
    const changed = { ...was, ...changes }
    this.known = this.known.map((one) => (one.id === id ? changed : one))
    const event: SiteEvent = { name: 'backtest', at: this.options.clock.now(), text: JSON.stringify(changed) }
    for (const listener of this.listeners) listener(event)
    return changed
  }

  private keep(summary: BacktestSummary): Promise<void> {
    const keeping = this.tryKeep(summary)
    this.kept = Promise.all([this.kept, keeping])
    return keeping
  }

  private async tryKeep(summary: BacktestSummary): Promise<void> {
    try {
      await this.folder.write(summary)
    } catch (error) {
      // It stands in memory; after a restart it is told as interrupted.
      this.options.log.warn({ reason: String(error), backtest: summary.id }, 'a backtest could not be kept')
    }
  }
}

function endOf(
  ended: Running['ended'],
  last: FromChild | undefined,
  how: string,
): { readonly state: BacktestState; readonly reason?: string } {
  if (last?.kind === 'done') return { state: 'done' }
  if (ended !== undefined) return ended
  if (last?.kind === 'refused') return { state: 'failed', reason: last.reason }
  return { state: 'failed', reason: `It broke off, which is our own mistake or want of memory. ${how.slice(0, 300)}` }
}
