/** Changes that come at about the same time share one transaction, and so one wait for the disk. Who asked is answered when it is durable. */
import type { AgentStore } from '../../drivers/sqlite/agent-store.ts'

interface Waiting {
  /** Makes the change and keeps its result, or its error. */
  readonly change: () => void
  readonly settle: (failure: unknown) => void
}

/** Changes in one transaction: what comes beyond waits for the next, so that the event loop turns in between. */
const CHANGES_MAX = 64

export class GroupCommit {
  private readonly store: AgentStore
  private waiting: Waiting[] = []
  private isScheduled = false

  constructor(store: AgentStore) {
    this.store = store
  }

  /** Makes a change soon. Resolves once it is on disk. A change that throws is undone alone. */
  soon<T>(change: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let made: { readonly result: T } | { readonly error: unknown } | undefined
      this.waiting.push({
        change: () => {
          try {
            made = { result: this.store.whole(change) }
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

  /** Makes all changes that wait, now. */
  flush(): void {
    while (this.waiting.length > 0) this.commit(this.waiting.splice(0, CHANGES_MAX))
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
      this.store.whole(() => {
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
