import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { commitName } from './repository.ts'

/** Seed of every property in this run: the same each time, unless `npm test -- --seed N` says otherwise. */
export const PROPERTY_SEED = Number(process.env['ETHOS_SEED'] ?? 1)

/** Checks a property on random values. A failure names the smallest counterexample, the seed and the commit. */
export function checkProperty<Values extends [unknown, ...unknown[]]>(
  property: fc.IProperty<Values>,
  { runs = 200 }: { readonly runs?: number } = {},
): void {
  try {
    fc.assert(property, { seed: PROPERTY_SEED, numRuns: runs })
  } catch (cause) {
    const details = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`seed=${PROPERTY_SEED} commit=${commitName()}\n${details}`, { cause })
  }
}

/** Any finite number that JSON gives back as it was: minus zero is not one of them. */
export function finiteNumber(bounds: { readonly min?: number; readonly max?: number } = {}): fc.Arbitrary<number> {
  return fc.double({ noNaN: true, noDefaultInfinity: true, ...bounds }).map((number) => number + 0)
}

/** Whatever is written reads back as the same value. */
export function checkRoundTrip<Value>(
  values: fc.Arbitrary<Value>,
  encode: (value: Value) => string,
  parse: (json: unknown) => Value,
): void {
  checkProperty(
    fc.property(values, (drawn) => {
      // A clone, because objects drawn at random have no prototype and parsed ones do.
      const value = structuredClone(drawn)
      assert.deepEqual(parse(JSON.parse(encode(value))), value)
    }),
  )
}
