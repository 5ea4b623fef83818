import type { Detail, Measure } from '../../../terms/reading.ts'
import type { Sampler } from '../sampler.ts'

/** What a sampler put at one look; measures that were not finite are absent, as in the agent. */
export interface Looked {
  readonly measured: Readonly<Partial<Record<Measure, number>>>
  readonly details: Readonly<Record<string, Detail['value']>>
}

/** One look with details, at a time of the monotonic clock: for tests. */
export function lookAt(sampler: Sampler, atMs: number): Looked {
  const measured: Partial<Record<Measure, number>> = {}
  const details: Record<string, Detail['value']> = {}
  const asked = sampler.sample(
    { at: atMs, monotonicMs: atMs, wantsDetails: true },
    {
      put: (measure, value) => {
        if (Number.isFinite(value)) measured[measure] = value
      },
      detail: ({ name, value }) => {
        details[name] = value
      },
    },
  )
  if (asked !== undefined) throw new Error(`${sampler.name} is not done at once`)
  return { measured, details }
}

/** A look, five seconds in which the files change, and what the second look says. */
export function lookTwice(sampler: Sampler, texts: Record<string, string>, changed: Record<string, string>): Looked {
  lookAt(sampler, 0)
  Object.assign(texts, changed)
  return lookAt(sampler, 5000)
}
