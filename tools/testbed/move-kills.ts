/** Moves on real hosts with something dying at random instants of them. What was done is kept line by line, so that a run that was broken off goes on. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { IntentEnd } from '../../src/terms/intent.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { MoveLine } from '../../src/terms/move-record.ts'
import { parseJson } from '../../src/terms/parse.ts'
import { isSpoilt, leftoversOf, type Outcome, runningOn } from './move-check.ts'
import { type Fault, FAULTS, MoveScene } from './move-scene.ts'

/** One move and what struck it, as it is kept. */
export interface Kill {
  readonly trial: number
  readonly vm: string
  readonly fault: Fault
  /** The last step that was durable when it struck. */
  readonly struckAfter: MoveLine['step']
  readonly from: string
  /** Where it runs afterwards: one host, or none; two are a VM that was doubled. */
  readonly runsOn: readonly string[]
  /** Beats that it told twice: it was executed in two places for a while. */
  readonly doubledBeats: number
  readonly state: IntentEnd
  readonly calls: number
  readonly unknownMs: number
  readonly tookMs: number
  readonly leftovers: number
  readonly isSpoilt: boolean
}

/** Two ways to move: slowly, so that much can happen while memory is copied, and at full speed, so that a good part of the time is hand-over. The span is
 *  from the call until some time after the end, on a machine that has little else to do. */
const PACES = [
  { bandwidthMibPerSec: 16, spanMs: 9000 },
  { bandwidthMibPerSec: 400, spanMs: 3500 },
] as const
const BROKEN_MS_MIN = 1000
const BROKEN_MS_MAX = 15_000

/** Goes on until so many moves were struck. Throws at the first that does not end as it must.
 *  @param path where each is kept
 *  @param say what was done, as it is done */
export async function killMoves(
  { seed, kills, path }: { readonly seed: number; readonly kills: number; readonly path: string },
  say: (text: string) => void,
): Promise<readonly Kill[]> {
  mkdirSync(dirname(path), { recursive: true })
  const done = [...readKills(path)]
  if (done.length >= kills) return done
  const scene = await MoveScene.up()
  try {
    while (done.length < kills) {
      const trial = (done.at(-1)?.trial ?? -1) + 1
      // Each trial has luck of its own: where a run goes on, it goes on with the same.
      const luck = new Luck(seed * 100_000 + trial)
      const fault = FAULTS[trial % FAULTS.length]
      const { bandwidthMibPerSec, spanMs } = PACES[luck.below(PACES.length)]
      const outcomes = await scene.runPair({
        fault,
        bandwidthMibPerSec,
        delayMs: [luck.below(spanMs), luck.below(spanMs)],
        staggerMs: luck.below(spanMs / 2),
        brokenMs: BROKEN_MS_MIN + luck.below(BROKEN_MS_MAX - BROKEN_MS_MIN),
      })
      for (const outcome of outcomes) {
        const kill = killOf(trial, fault, outcome)
        done.push(kill)
        appendFileSync(path, `${JSON.stringify(kill)}\n`)
        say(JSON.stringify(kill))
      }
    }
    return done
  } finally {
    await scene.down()
  }
}

function readKills(path: string): readonly Kill[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  // This machine's own file, of before.
  return lines.filter((line) => line !== '').map((line, i) => parseJson(line, `${path}:${i + 1}`) as Kill)
}

function killOf(trial: number, fault: Fault, outcome: Outcome): Kill {
  const { vm, from, story, calls, struckAt = 0 } = outcome
  const { closed } = story.record
  if (closed === undefined) throw new Error(`the move of ${vm} was not closed`)
  return {
    trial,
    vm,
    fault,
    struckAfter: story.lines.findLast(({ at }) => at <= struckAt)?.step ?? 'intent',
    from,
    runsOn: runningOn(outcome),
    doubledBeats: outcome.truth.doubledBeats,
    state: closed.state,
    calls: calls.length,
    unknownMs: story.unknownMs,
    tookMs: story.tookMs,
    leftovers: leftoversOf(outcome).length,
    isSpoilt: isSpoilt(outcome),
  }
}
