/** `ethos agent --watch`: what is cheap to see, second by second, until it is stopped. Sends nothing, and leaves nothing behind. */
import { makeSamplers } from '../../drivers/guest/samplers/make-samplers.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { liveAsJson, liveHeading, showLive } from './live.ts'
import type { OnceRequest } from './run-once.ts'
import { Watch } from './watch.ts'

const EVERY_MS = SECOND_MS
/** Lines between two headings: one is always on the screen. */
const HEADING_EVERY = 20
const INTRODUCTION =
  'Each second, of what is cheap to see. `-` is absent, never zero: `ethos agent doctor` says why. Ends with Ctrl-C.\n\n'

/** Exit code 0 once it was told to stop, or its time is over. */
export async function runLive({ machine, config, log, asked }: OnceRequest): Promise<number> {
  const control = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) machine.self.onSignal(name, () => control.abort())
  // Asked for already; and Node would open a door for debuggers.
  machine.self.onSignal('SIGUSR1', () => undefined)
  const cheap = makeSamplers(machine, config.samplers).filter(({ isCheap }) => isCheap)
  const watch = new Watch(machine, cheap, log)
  const isText = asked.print !== 'json'
  await watch.look()
  if (isText) machine.self.print(INTRODUCTION)
  const startMs = machine.monotonicMs()
  const endMs = startMs + (asked.forMs ?? Number.POSITIVE_INFINITY)
  // Half a look less is none: the last is the one that ends with the time asked for.
  for (let line = 0, dueMs = startMs + EVERY_MS; dueMs < endMs + EVERY_MS / 2; line++) {
    await machine.sleep(Math.max(0, dueMs - machine.monotonicMs()), control.signal)
    if (control.signal.aborted) break
    const reading = await watch.look()
    if (reading === undefined) continue
    if (isText && line % HEADING_EVERY === 0) machine.self.print(liveHeading())
    machine.self.print(isText ? showLive(reading, config) : liveAsJson(reading, config))
    // After a stop (Ctrl-Z, a suspended guest) what was missed is not made up for.
    dueMs = Math.max(dueMs + EVERY_MS, machine.monotonicMs())
  }
  await watch.close()
  return 0
}
