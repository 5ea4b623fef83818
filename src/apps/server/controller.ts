/** The controller's own process: started by `ControllerProcess`, told its options in the first message, gone when its parent is. */
import { WallClock } from '../../drivers/wall-clock.ts'
import { writeCompiled } from '../compile-cache.ts'
import { ControllerLoop } from './controller-loop.ts'
import type { ControllerMessage, ControllerOptions } from './controller-messages.ts'
import { DistantWrites, type WriteMessage, type WriteReply } from './controller-writes.ts'
import { openSite } from './open-site.ts'

const stop = new AbortController()
let isNew = true
const writes = new DistantWrites(tell)

process.once('message', (message) => {
  process.on('message', (reply) => writes.hear(reply as WriteReply))
  // The parent is the same program of the same version: what it says is not judged again.
  run(message as ControllerOptions).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      process.exit(1)
    },
  )
})
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => stop.abort())
// Ctrl-C in a terminal reaches the whole group; the parent says when to go.
process.on('SIGINT', () => undefined)

/** A parent that is gone hears nothing; `disconnect` comes. */
function tell(message: ControllerMessage | WriteMessage): void {
  if (isNew && message.kind !== 'alive' && message.kind !== 'write') {
    isNew = false
    writeCompiled()
  }
  if (process.connected) process.send?.(message)
}

async function run(options: ControllerOptions): Promise<void> {
  const store = await openSite(options.place)
  try {
    const world = { store: writes.over(store), clock: new WallClock(), tell, signal: stop.signal }
    await new ControllerLoop(options, world).run()
  } finally {
    await store.close()
  }
}
