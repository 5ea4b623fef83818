/** One preview in a process of its own: started by `PreviewDesk`, told what to compare in its only message, gone when its parent is. */
import { constants, setPriority } from 'node:os'
import { isForOperators } from '../../usage-error.ts'
import { withSite } from '../open-site.ts'
import { compare } from './compare.ts'
import type { FromPreview, PreviewTask } from './job.ts'

/** Between two words of how far it is. */
const TELL_MS = 250

process.once('message', (message) => {
  // The parent is the same program of the same version: what it says is not judged again.
  run(message as PreviewTask).then(
    (last) => tell(last),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      process.exit(1)
    },
  )
})
process.once('disconnect', () => process.exit(0))
// Ctrl-C in a terminal reaches the whole group; the parent says when to go.
process.on('SIGINT', () => undefined)

/** Whoever waits for an answer or for a turn goes first. */
setPriority(constants.priority.PRIORITY_LOW)

function tell(message: FromPreview): void {
  if (process.connected) process.send?.(message)
}

async function run(task: PreviewTask): Promise<FromPreview> {
  let toldAt = -Infinity
  const onProgress = (share: number): void => {
    if (performance.now() - toldAt < TELL_MS) return
    toldAt = performance.now()
    tell({ kind: 'progress', share })
  }
  try {
    return { kind: 'done', result: await withSite(task.place, (store) => compare(store, task, onProgress)) }
  } catch (error) {
    if (isForOperators(error)) return { kind: 'refused', reason: error.message }
    throw error
  }
}
