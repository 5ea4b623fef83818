/** What a controller's process does, whatever platform it moves VMs on: told its options in the first message, gone when its parent is. */
import { PacedClock, ranMs } from '../../drivers/paced-clock.ts'
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import { WatchedClock } from '../../drivers/watched-clock.ts'
import { parseCostModel } from '../../engine/migration/cost-model-codec.ts'
import { writeCompiled } from '../compile-cache.ts'
import { ControllerLoop, type ControllerWorld } from './controller-loop.ts'
import type { AskMessage, AskResult, ControllerMessage, ControllerOptions } from './controller-messages.ts'
import { DistantWrites, type WriteMessage, type WriteReply } from './controller-writes.ts'
import { openSite } from './open-site.ts'
import { TurnRecorder } from './replay/turn-recorder.ts'

/** Who moves VMs, who reads what a promise of it rests on, and who what hosts are. */
export type PlatformMakers = Pick<ControllerWorld, 'driverOf' | 'factsReaderOf' | 'platformReaderOf'>

/** Runs this process, until its parent ends it.
 *  @param makersFor what it is to move VMs with */
export function runController(makersFor: (options: ControllerOptions) => PlatformMakers): void {
  const stop = new AbortController()
  let isNew = true
  let loop: ControllerLoop | undefined

  /** A parent that is gone hears nothing; `disconnect` comes. */
  const tell = (message: ControllerMessage | WriteMessage): void => {
    if (isNew && message.kind !== 'alive' && message.kind !== 'write') {
      isNew = false
      writeCompiled()
    }
    if (process.connected) process.send?.(message)
  }
  const writes = new DistantWrites(tell)

  process.once('message', (message) => {
    // The parent is the same program of the same version: what it says is not judged again.
    const options = message as ControllerOptions
    const time = timeOf(options)
    process.on('message', (said) => {
      const { kind } = said as AskMessage | WriteReply
      if (kind === 'ask') void answer(said as AskMessage, loop).then((told) => tell({ ...told, at: time.clock.now() }))
      else writes.hear(said as WriteReply)
    })
    const note = (reason: string): void => tell({ kind: 'note', at: time.clock.now(), reason: reason.slice(0, 500) })
    const run = async (): Promise<void> => {
      const store = await openSite(options.place)
      const recorder = options.turns && new TurnRecorder({ ...options.turns, say: note })
      try {
        const model = parseCostModel(readCostModelFile())
        const beside = { ...makersFor(options), ...(recorder === undefined ? {} : { recorder }) }
        const world = { ...time, ...beside, model, tell, signal: stop.signal, store: writes.over(store) }
        loop = new ControllerLoop(options, world)
        await loop.run()
      } finally {
        await recorder?.close()
        await store.close()
      }
    }
    run().then(
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
}

/** The machine's clock, which may be set; or one at another pace, which nobody sets. */
function timeOf({ pace }: ControllerOptions): Pick<ControllerWorld, 'clock' | 'pace' | 'onClockStep'> {
  if (pace !== undefined) {
    const { speed } = pace
    return { clock: new PacedClock(pace), pace: { speed, ran: () => ranMs() * speed } }
  }
  const clock = new WatchedClock()
  return { clock, onClockStep: (listener) => clock.onStep(listener) }
}

/** Whoever has not begun yet begins nothing. */
async function answer({ id, ask }: AskMessage, loop: ControllerLoop | undefined) {
  const result: AskResult = (await loop?.answer(ask)) ?? { kind: 'refused', reason: 'The controller is starting.' }
  return { kind: 'answered', id, result } as const
}
