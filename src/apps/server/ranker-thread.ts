/** The ranker's thread: started by `Ranker`. */
import { parentPort, workerData } from 'node:worker_threads'
import { PacedClock } from '../../drivers/paced-clock.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { writeCompiled } from '../compile-cache.ts'
import { openSite } from './open-site.ts'
import { RankerDesk } from './ranker-desk.ts'
import type { FromRanker, RankerSetup, ToRanker } from './ranker-messages.ts'

/** Texts of so many characters and more pass as bytes. */
const BYTES_MIN = 16 * 1024

const port = parentPort
if (port === null) throw new Error('This runs as a thread of `ethos serve`, not by itself.')
const { place, pace } = workerData as RankerSetup
const clock = pace === undefined ? new WallClock() : new PacedClock(pace)
const desk = new RankerDesk(() => openSite(place), clock, say)

let isNew = true

/** A long text would be copied twice on its way, and once more into bytes by the thread that all requests wait for. */
function say(message: FromRanker): void {
  const text = message.kind === 'answer' && message.answer.kind === 'json' ? message.answer.text : ''
  if (message.kind !== 'answer' || (typeof text === 'string' && text.length < BYTES_MIN)) {
    port?.postMessage(message)
    return
  }
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  port?.postMessage({ ...message, answer: { kind: 'json', text: bytes } } satisfies FromRanker, [bytes.buffer])
}

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
