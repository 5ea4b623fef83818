import type { Machine } from '../../drivers/guest/machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../../drivers/guest/sampler.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Detail, MEASURES, type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { Log } from './log.ts'

/** A look takes milliseconds, and a second on a machine that is starved. */
const LONG_LOOK_MS = 10 * SECOND_MS

const PLACES = new Map<Measure, number>(MEASURES.map((measure) => [measure, dimensionIndex(measure)]))

/** Details of one sampler, for people. */
export interface SamplerDetails {
  readonly sampler: string
  readonly details: readonly Detail[]
}

/** Asks the samplers, one after the other, and puts what they say into one reading. A sampler that fails is our mistake or the
 *  kernel's surprise: it is told, and the others go on. */
export class Watch {
  private readonly machine: Machine
  private readonly samplers: readonly Sampler[]
  private readonly log: Log
  private readonly values = new Float64Array(READING_LENGTH)
  private readonly spansMs = new Float64Array(READING_LENGTH)
  private lastMs: number | undefined
  /** When all samplers were asked last. */
  private lastWholeMs: number | undefined

  constructor(machine: Machine, samplers: readonly Sampler[], log: Log) {
    this.machine = machine
    this.samplers = samplers
    this.log = log
  }

  /** One look. The reading's values are used again by the next look: whoever wants to keep them copies them. Undefined for the first
   *  look, which only sets counters. `onlyCheap` leaves out what costs: its measures are then absent, and the next look at all tells the whole
   *  time that they span. */
  async look({
    onlyCheap = false,
    into,
  }: {
    readonly onlyCheap?: boolean
    readonly into?: SamplerDetails[]
  } = {}): Promise<Reading | undefined> {
    const { lastMs, lastWholeMs } = this
    const look: Look = {
      at: this.machine.now(),
      monotonicMs: this.machine.monotonicMs(),
      wantsDetails: into !== undefined,
    }
    const { monotonicMs } = look
    const wholeMs = lastWholeMs === undefined ? Number.NaN : monotonicMs - lastWholeMs
    // The usual case: all samplers were asked at the last look.
    const isMixed = !onlyCheap && lastWholeMs !== lastMs
    this.values.fill(Number.NaN)
    if (isMixed) this.spansMs.fill(Number.NaN)
    for (const sampler of this.samplers) {
      if (onlyCheap && !sampler.isCheap) continue
      const details: Detail[] = []
      await this.ask(sampler, look, { details, spanMs: isMixed && !sampler.isCheap ? wholeMs : undefined })
      if (details.length > 0) into?.push({ sampler: sampler.name, details })
    }
    const tookMs = this.machine.monotonicMs() - monotonicMs
    if (tookMs > LONG_LOOK_MS)
      this.log.say('notice', 'long look', `a look took ${Math.round(tookMs / SECOND_MS)} s. Did this VM stand still?`)
    this.lastMs = monotonicMs
    if (!onlyCheap) this.lastWholeMs = monotonicMs
    if (lastMs === undefined) return undefined
    const reading = { at: look.at, spanMs: monotonicMs - lastMs, values: this.values }
    return isMixed ? { ...reading, spansMs: this.spansMs } : reading
  }

  /** What can and cannot be seen here, sampler by sampler. */
  async findings(): Promise<readonly Finding[]> {
    const all: Finding[] = []
    for (const sampler of this.samplers) all.push(...(await sampler.findings()))
    return all
  }

  /** Tells the log what can no longer be seen, and what is seen again. The doctor is a run of its own: it may see what this one does not. */
  tellChanges(): void {
    for (const { what, state, because, remedy } of this.samplers.flatMap((sampler) => sampler.changes?.() ?? [])) {
      const maybe = remedy === undefined ? '' : ` Maybe: ${remedy}`
      if (state === 'absent')
        this.log.say('warning', `lost ${what}`, `${what}: ${because}. Its values are absent.${maybe}`)
      else this.log.say('notice', `again ${what}`, `${what} is seen again`)
    }
  }

  async close(): Promise<void> {
    for (const sampler of this.samplers) await sampler.close?.()
  }

  private async ask(
    sampler: Sampler,
    look: Look,
    { details, spanMs }: { readonly details: Detail[]; readonly spanMs: number | undefined },
  ): Promise<void> {
    const writer: ReadingWriter = {
      put: (measure, value) => {
        if (!Number.isFinite(value)) return
        const place = PLACES.get(measure) as number
        this.values[place] = value
        if (spanMs !== undefined) this.spansMs[place] = spanMs
      },
      detail: (detail) => void details.push(detail),
    }
    try {
      const asked = sampler.sample(look, writer)
      if (asked !== undefined) await asked
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.log.say(
        'error',
        `sampler ${sampler.name}`,
        `the sampler ${sampler.name} failed: ${why}. Its values are absent.`,
      )
    }
  }
}
