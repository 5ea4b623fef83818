/** A long piece of work, as its own process sees it: told what to do in its only message, gone when its parent is. */
import { setPriority } from 'node:os'
import { isForOperators } from '../usage-error.ts'

/** Between two words of how far it is. */
const TELL_MS = 250

/** Nothing can be done as it was asked. */
export interface JobRefused {
  readonly kind: 'refused'
  readonly reason: string
}

/** Says something, if some time has passed since it last did. */
export type Tell<Message> = (make: () => Message) => void

/** @param run what it does, with the task as its parent sent it; its result is its last word */
export function runAsJob<Message>(priority: number, run: (task: never, tell: Tell<Message>) => Promise<Message>): void {
  const say = (message: Message | JobRefused): void => {
    if (process.connected) process.send?.(message)
  }
  let toldAt = -Infinity
  const tell: Tell<Message> = (make) => {
    if (performance.now() - toldAt < TELL_MS) return
    toldAt = performance.now()
    say(make())
  }
  process.once('message', (message) => {
    // The parent is the same program of the same version: what it says is not judged again.
    run(message as never, tell).then(say, (error: unknown) => {
      if (isForOperators(error)) return say({ kind: 'refused', reason: error.message })
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      process.exit(1)
    })
  })
  process.once('disconnect', () => process.exit(0))
  // Ctrl-C in a terminal reaches the whole group; the parent says when to go.
  process.on('SIGINT', () => undefined)
  // Whoever waits for an answer or for a turn goes first.
  setPriority(priority)
}
