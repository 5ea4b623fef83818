/** A test too long for `npm test`. It lives in `tools/long/NAME.ts`, which exports `longTest`, and runs by `npm run test:long -- NAME`. */
export interface LongTest {
  readonly summary: string
  /** Throws where the test fails; otherwise returns what it measured. */
  readonly run: (seed: number) => Figures | Promise<Figures>
}

/** Names and numbers worth keeping: what was done how often, and what came of it. */
export type Figures = Readonly<Record<string, number | string | boolean>>

/** What is kept in `docs/results/NAME.json`. */
export interface LongResult {
  readonly name: string
  readonly summary: string
  readonly commit: string
  readonly seed: number
  readonly node: string
  readonly cpu: string
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly figures: Figures
}
