import { StoreError } from '../../world/errors.ts'
import type { Database } from './database.ts'

interface Waiting {
  /** Makes the change and keeps its result, or its error. */
  readonly change: () => void
  readonly settle: (failure: unknown) => void
}

/** Changes in one transaction: what comes beyond waits for the next, so that the event loop turns in between. */
const CHANGES_MAX = 64

/** Changes that are asked for at about the same time share one transaction, and so one wait for the disk. They are made in the order in which they
 *  were asked for; who asked is answered when it is durable. */
export class ChangeQueue {
  private readonly database: Database
  private waiting: Waiting[] = []
  private isScheduled = false
  private isClosed = false

  constructor(database: Database) {
    this.database = database
  }

  /** Makes a change soon. One that throws is undone alone. */
  soon<T>(change: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw new StoreError('closed', `${this.database.path} is closed.`)
      let made: { readonly result: T } | { readonly error: unknown } | undefined
      this.waiting.push({
        change: () => {
          try {
            made = { result: this.database.whole(change) }
          } catch (error) {
            made = { error }
          }
        },
        settle: (failure) => {
          if (failure !== undefined || made === undefined) reject(asError(failure))
          else if ('error' in made) reject(asError(made.error))
          else resolve(made.result)
        },
      })
      this.schedule()
    })
  }

  /** Makes all changes that wait, and takes no more. */
  close(): void {
    while (this.waiting.length > 0) this.commit(this.waiting.splice(0, CHANGES_MAX))
    this.isClosed = true
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.commit(this.waiting.splice(0, CHANGES_MAX))
      if (this.waiting.length > 0) this.schedule()
    })
  }

  private commit(group: readonly Waiting[]): void {
    if (group.length === 0) return
    let failure: unknown
    try {
      // One alone needs no savepoint beside the transaction.
      if (group.length === 1) group[0].change()
      else
        this.database.whole(() => {
          for (const { change } of group) change()
        })
    } catch (error) {
      failure = error
    }
    for (const { settle } of group) settle(failure)
  }
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('the change was not made', { cause: failure })
}
