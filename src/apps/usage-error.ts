import { PlacementError } from '../simulator/placement-error.ts'
import { ParseError, show } from '../terms/parse.ts'
import { StoreError } from '../world/errors.ts'

/** The command line asks for something that can't be done as asked. Ends the process with code 2 and this message, without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  constructor(place: string, value: unknown, remedy: string) {
    super(value === undefined ? `${place} is missing. ${remedy}` : `${place}: ${show(value)} is not usable. ${remedy}`)
  }
}

/** Errors whose message says all that the reader needs; anything else is our own mistake and shows where. */
export function isForOperators(error: unknown): error is Error {
  const kinds = [ParseError, UsageError, PlacementError, StoreError]
  return kinds.some((kind) => error instanceof kind)
}
