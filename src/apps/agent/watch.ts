import type { Machine } from '../../drivers/guest/machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../../drivers/guest/sampler.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Detail, MEASURES, type Measure, type Reading, READING_LENGTH } from '../../terms/reading.ts'
import type { Log } from './log.ts'

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
  private lastMs: number | undefined

  constructor(machine: Machine, samplers: readonly Sampler[], log: Log) {
    this.machine = machine
    this.samplers = samplers
    this.log = log
  }

  /** One look. The reading's values are used again by the next look: whoever wants to keep them copies them. Undefined for the first
   *  look, which only sets counters. `onlyCheap` leaves out what costs, whose measures are then absent. */
  async look({
    onlyCheap = false,
    into,
  }: {
    readonly onlyCheap?: boolean
    readonly into?: SamplerDetails[]
  } = {}): Promise<Reading | undefined> {
    const { lastMs } = this
    const look: Look = {
      at: this.machine.now(),
      monotonicMs: this.machine.monotonicMs(),
      wantsDetails: into !== undefined,
    }
    this.values.fill(Number.NaN)
    for (const sampler of this.samplers) {
      if (onlyCheap && !sampler.isCheap) continue
      const details: Detail[] = []
      await this.ask(sampler, look, details)
      if (details.length > 0) into?.push({ sampler: sampler.name, details })
    }
    this.lastMs = look.monotonicMs
    if (lastMs === undefined) return undefined
    return { at: look.at, spanMs: look.monotonicMs - lastMs, values: this.values }
  }

  /** What can and cannot be seen here, sampler by sampler. */
  async findings(): Promise<readonly Finding[]> {
    const all: Finding[] = []
    for (const sampler of this.samplers) all.push(...(await sampler.findings()))
    return all
  }

  async close(): Promise<void> {
    for (const sampler of this.samplers) await sampler.close?.()
  }

  private async ask(sampler: Sampler, look: Look, details: Detail[]): Promise<void> {
    const writer: ReadingWriter = {
      put: (measure, value) => {
        if (Number.isFinite(value)) this.values[PLACES.get(measure) as number] = value
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
