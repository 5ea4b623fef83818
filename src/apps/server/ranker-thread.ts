/** The ranker's thread: started by `Ranker`. */
import { parentPort, workerData } from 'node:worker_threads'
import { WallClock } from '../../drivers/wall-clock.ts'
import { writeCompiled } from '../compile-cache.ts'
import { openSite } from './open-site.ts'
import { RankerDesk } from './ranker-desk.ts'
import type { RankerSetup, ToRanker } from './ranker-messages.ts'

const port = parentPort
if (port === null) throw new Error('This runs as a thread of `ethos serve`, not by itself.')
const { place } = workerData as RankerSetup
const desk = new RankerDesk(
  () => openSite(place),
  new WallClock(),
  (message) => {
    port.postMessage(message, [])
  },
)

let isNew = true

port.on('message', (message: ToRanker) => {
  // A mistake of ours ends the thread; its keeper starts another.
  void hear(message)
})

async function hear(message: ToRanker): Promise<void> {
  await desk.hear(message)
  if (isNew && message.kind !== 'ask') {
    isNew = false
    writeCompiled()
  }
  if (message.kind === 'close') port?.close()
}
