import { show } from '../terms/parse.ts'

/** The command line asks for something that can't be done as asked. Ends the process with code 2 and this message, without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  constructor(place: string, value: unknown, remedy: string) {
    super(`${place}: ${show(value)} is not usable. ${remedy}`)
  }
}
