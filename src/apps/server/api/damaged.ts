/** What the store keeps and nobody can read any more is the store's fault, and never that of the caller who asks for it. */
import { ParseError } from '../../../terms/parse.ts'
import { StoreError } from '../../../world/errors.ts'

/** A text that was kept is not what was written. The message is for whoever asked: it names nothing of the machine. */
export class DamagedError extends StoreError {
  constructor(what: string, cause: ParseError) {
    super('corrupt', `${what} is damaged in the store: ${cause.message}`, { cause })
  }
}

/** Reads a text of the store. Throws a `DamagedError` where it throws a `ParseError`.
 *  @param what it is, to begin a sentence with */
export function orDamaged<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ParseError) throw new DamagedError(what, error)
    throw error
  }
}
