/** Runs the previews that people ask for: one at a time for each of them, a few in all, each in a process of its own. What came of the last ones is kept in
 *  memory: it is a look at what is so now, and old by tomorrow. */
import { randomBytes } from 'node:crypto'
import type { EpochMs } from '../../../terms/units.ts'
import type { Clock } from '../../../world/clock.ts'
import { entryUrl } from '../../entry-url.ts'
import { type JobProcess, startJob } from '../job-process.ts'
import type { StorePlace } from '../open-site.ts'
import type { PolicyCheckView, PREVIEW_STATES, PreviewResultView } from '../views/preview.ts'
import type { FromPreview, PreviewTask } from './job.ts'

/** For 3 million VM-steps, twice. */
const MEMORY_MB = 1536
const RUNNING_MOST = 2
const KEPT_MOST = 20
/** Longer than the largest takes; what takes longer is ended. */
const LASTS_MS_MAX = 900_000

export interface Preview {
  readonly id: string
  readonly who: string
  readonly state: (typeof PREVIEW_STATES)[number]
  readonly progress: number
  readonly startedAt: EpochMs
  /** What was found wrong with what is asked about, as it began. */
  readonly check: PolicyCheckView
  readonly result?: PreviewResultView
  readonly failure?: string
}

export interface PreviewDeskOptions {
  readonly place: StorePlace
  readonly clock: Pick<Clock, 'now'>
  /** Another program in the child's place, for tests. */
  readonly entry?: URL
}

interface Running {
  readonly process: JobProcess
  readonly over: Promise<void>
}

export class PreviewDesk {
  private readonly options: PreviewDeskOptions
  /** Oldest first. */
  private readonly known = new Map<string, Preview>()
  private readonly running = new Map<string, Running>()

  constructor(options: PreviewDeskOptions) {
    this.options = options
  }

  /** One of somebody's own; nobody sees another's. */
  find(id: string, who: string): Preview | undefined {
    const found = this.known.get(id)
    return found?.who === who ? found : undefined
  }

  /** Begins one in place of one that runs for the same person: who changes a figure wants the answer to the new one. Undefined: too many run for others. */
  start(
    { check, ...task }: Omit<PreviewTask, 'place' | 'now'> & Pick<Preview, 'check'>,
    who: string,
  ): Preview | undefined {
    for (const { id, who: owner } of this.known.values()) if (owner === who) this.end(id)
    if (this.running.size >= RUNNING_MOST) return undefined
    const { place, clock } = this.options
    const id = randomBytes(8).toString('hex')
    const preview: Preview = { id, who, state: 'running', progress: 0, startedAt: clock.now(), check }
    this.known.set(id, preview)
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT_MOST) break
      this.end(oldest)
      this.known.delete(oldest)
    }
    this.spawn(id, { ...task, place, now: clock.now() })
    return preview
  }

  /** Resolves once it is over, or after so long. */
  async wait(id: string, ms: number): Promise<void> {
    const running = this.running.get(id)
    if (running === undefined) return
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(() => late.resolve(), ms)
    await Promise.race([running.over, late.promise])
    clearTimeout(timer)
  }

  close(): void {
    for (const id of this.running.keys()) this.end(id)
  }

  private end(id: string): void {
    const running = this.running.get(id)
    if (running === undefined) return
    this.running.delete(id)
    running.process.kill()
    this.change(id, { state: 'failed', failure: 'It was ended: another was asked for, or the server ends.' })
  }

  private spawn(id: string, task: PreviewTask): void {
    const { entry = entryUrl(import.meta.url, './child') } = this.options
    const over = Promise.withResolvers<void>()
    const process = startJob<FromPreview>({
      entry,
      memoryMb: MEMORY_MB,
      task,
      hear: (message) => this.hear(id, running, message),
      ended: (how) => {
        clearTimeout(timer)
        if (this.running.get(id) === running) {
          this.running.delete(id)
          if (this.known.get(id)?.state === 'running')
            this.change(id, { state: 'failed', failure: `It broke off. ${how}` })
        }
        over.resolve()
      },
    })
    const running: Running = { process, over: over.promise }
    this.running.set(id, running)
    const timer = setTimeout(() => process.kill(), LASTS_MS_MAX)
    timer.unref()
  }

  private hear(id: string, running: Running, message: FromPreview): void {
    if (this.running.get(id) !== running) return
    if (message.kind === 'progress') this.change(id, { progress: message.share })
    else if (message.kind === 'done') this.change(id, { state: 'done', progress: 1, result: message.result })
    else this.change(id, { state: 'failed', failure: message.reason })
  }

  private change(id: string, changes: Partial<Preview>): void {
    const was = this.known.get(id)
    if (was !== undefined) this.known.set(id, { ...was, ...changes })
  }
}
