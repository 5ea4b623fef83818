/** `ethos agent dirty-pages-helper`: clears the soft-dirty bits of the largest processes, reads after a second and after ten what they wrote,
 *  leaves that in a file, and ends. It needs what the agent has not: to look into other users' processes (CAP_SYS_PTRACE) and to
 *  open files of theirs (CAP_DAC_OVERRIDE). It reads no settings and listens to nobody. */
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import {
  DIRTY_EVERY_MS,
  DIRTY_RESULT_BYTES_MAX,
  DIRTY_RESULT_FILE,
  type DirtyResults,
  encodeDirtyResults,
  parseDirtyResults,
} from '../../drivers/guest/samplers/dirty-results.ts'
import { pageBytesOf } from '../../drivers/guest/samplers/page-size.ts'
import { SoftDirty } from '../../drivers/guest/samplers/soft-dirty.ts'
import { ParseError, parseWord } from '../../terms/parse.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { Log } from './log.ts'

/** About as long as a round of pre-copy takes on a good network, and on a bad one. */
const SHORT_MS = SECOND_MS
const LONG_MS = 10 * SECOND_MS
/** Read by the group: the agent. */
const RESULT_MODE = 0o640
const FOLDER_MODE = 0o750
const MODES = ['loop', 'once'] as const

/** Runs until it is told to stop; `once`: one round, for a timer. Returns the exit code: 0, or 1 where nothing could be read or left. */
export async function runDirtyPagesHelper(
  machine: Machine,
  words: readonly string[],
  path = DIRTY_RESULT_FILE,
): Promise<number> {
  const mode = words.length === 0 ? 'loop' : parseWord(words.join(' '), 'dirty-pages-helper', MODES)
  const log = new Log(machine, { hasLevels: machine.self.environment('JOURNAL_STREAM') !== undefined })
  const control = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) machine.self.onSignal(name, () => control.abort())
  const helper = { machine, log, path, signal: control.signal }
  if (mode === 'once') return (await takeRound(helper)) ? 0 : 1
  while (!control.signal.aborted) {
    const startMs = machine.monotonicMs()
    await takeRound(helper)
    await machine.sleep(Math.max(0, DIRTY_EVERY_MS - (machine.monotonicMs() - startMs)), control.signal)
  }
  return 0
}

interface Helper {
  readonly machine: Machine
  readonly log: Log
  readonly path: string
  readonly signal: AbortSignal
}

async function takeRound({ machine, log, path, signal }: Helper): Promise<boolean> {
  const softDirty = new SoftDirty(machine, pageBytesOf(machine))
  if (!softDirty.isOpen) {
    log.say('warning', 'soft-dirty', `memory written is not counted: ${softDirty.because}`)
    return false
  }
  const results = await count(softDirty, { machine, path, signal })
  if (results === undefined) {
    if (!signal.aborted) log.say('notice', 'processes', 'memory written is not counted: no process is large enough')
    return true
  }
  try {
    machine.files.makeFolder(path.slice(0, path.lastIndexOf('/')), FOLDER_MODE)
    machine.files.writeWhole(path, encodeDirtyResults(results), RESULT_MODE)
    return true
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    log.say('error', 'results', `the results can not be left at ${path}: ${error.message}`)
    return false
  }
}

/** One clearing, two readings. Undefined where it was cut short, or no process is large enough to be looked at.
 *
 *  A busy guest takes its time over clearing and reading, and goes on writing: a span is from the middle of the one to the middle of the
 *  other. Were a reading of the instant that it began in, a guest whose
 *  reading takes as long as the span would be told to write half as much again. */
async function count(
  softDirty: SoftDirty,
  { machine, path, signal }: Omit<Helper, 'log'>,
): Promise<DirtyResults | undefined> {
  const everyMs = sinceBefore(machine, path)
  const { made: processes, atMs: clearedAtMs } = inTheMiddle(machine, () => softDirty.clear())
  const readAfter = async (ms: number): Promise<{ readonly ms: number; readonly bytes: number } | undefined> => {
    await machine.sleep(Math.max(0, ms - (machine.monotonicMs() - clearedAtMs)), signal)
    if (signal.aborted) return undefined
    const { made: bytes, atMs } = inTheMiddle(machine, () => softDirty.dirtyBytes())
    return { ms: atMs - clearedAtMs, bytes }
  }
  const short = await readAfter(SHORT_MS)
  const long = await readAfter(LONG_MS)
  if (short === undefined || long === undefined || processes === 0) return undefined
  const spans = { shortMs: short.ms, shortBytes: short.bytes, longMs: long.ms, longBytes: long.bytes }
  return { at: machine.now(), everyMs, ...spans, processes }
}

function inTheMiddle<T>(machine: Machine, make: () => T): { readonly made: T; readonly atMs: number } {
  const startMs = machine.monotonicMs()
  const made = make()
  return { made, atMs: (startMs + machine.monotonicMs()) / 2 }
}

/** Told as it is where somebody's timer is slower than ours; a pause is none. */
function sinceBefore(machine: Machine, path: string): number {
  const text = machine.readText(path, DIRTY_RESULT_BYTES_MAX + 1)
  if (text === undefined) return DIRTY_EVERY_MS
  try {
    const sinceMs = machine.now() - parseDirtyResults(text).at
    return sinceMs > DIRTY_EVERY_MS && sinceMs < 12 * DIRTY_EVERY_MS ? sinceMs : DIRTY_EVERY_MS
  } catch (error) {
    if (error instanceof ParseError) return DIRTY_EVERY_MS
    throw error
  }
}
