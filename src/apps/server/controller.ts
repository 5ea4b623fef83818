/** The controller's own process: started by `ControllerProcess`, told its options in the first message, gone when its parent is. */
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import { WatchedClock } from '../../drivers/watched-clock.ts'
import { parseCostModel } from '../../engine/migration/cost-model-codec.ts'
import { writeCompiled } from '../compile-cache.ts'
import { ControllerLoop } from './controller-loop.ts'
import type { AskMessage, AskResult, ControllerMessage, ControllerOptions } from './controller-messages.ts'
import { DistantWrites, type WriteMessage, type WriteReply } from './controller-writes.ts'
import { driverOf, factsReaderOf, platformReaderOf } from './libvirt-setting.ts'
import { openSite } from './open-site.ts'

const stop = new AbortController()
let isNew = true
let loop: ControllerLoop | undefined
const clock = new WatchedClock()
const writes = new DistantWrites(tell)

process.once('message', (message) => {
  process.on('message', (said) => {
    const { kind } = said as AskMessage | WriteReply
    if (kind === 'ask') void answer(said as AskMessage)
    else writes.hear(said as WriteReply)
  })
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

/** Whoever has not begun yet begins nothing. */
async function answer({ id, ask }: AskMessage): Promise<void> {
  const result: AskResult = (await loop?.answer(ask)) ?? { kind: 'refused', reason: 'The controller is starting.' }
  tell({ kind: 'answered', at: clock.now(), id, result })
}

async function run(options: ControllerOptions): Promise<void> {
  const store = await openSite(options.place)
  try {
    const model = parseCostModel(readCostModelFile())
    const onClockStep = (listener: (steppedMs: number) => void): void => clock.onStep(listener)
    const makers = { onClockStep, driverOf, factsReaderOf, platformReaderOf, model }
    loop = new ControllerLoop(options, { store: writes.over(store), clock, tell, signal: stop.signal, ...makers })
    await loop.run()
  } finally {
    await store.close()
  }
}
