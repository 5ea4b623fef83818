/** What must hold of every move on real hosts, whatever died on the way. */
import assert from 'node:assert/strict'
import { MINUTE_MS } from '../../src/terms/units.ts'
import { checkStory, type MoveStory } from './move-story.ts'
import type { Whereabouts } from './small-guest.ts'

/** What became of one move. */
export interface Outcome {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly story: MoveStory
  readonly truth: Whereabouts
  /** Flags of each call to migrate this VM that reached libvirtd, by its own log. */
  readonly calls: readonly number[]
  /** What both hosts together showed the first mover, in order. */
  readonly pictures: readonly string[]
  /** When something died. Absent: nothing did. */
  readonly struckAt?: number
}

/** Nobody may be in the dark for longer. */
const UNKNOWN_MS_MAX = 10 * MINUTE_MS

/** Hosts that take the VM for running: libvirt's word, which has to be the guest's too. */
export function runningOn({ truth }: Outcome): readonly string[] {
  return Object.entries(truth.active).flatMap(([host, how]) => (how.startsWith('running') ? [host] : []))
}

/** The emulator's doing: a process has it, libvirt takes it for running, and it executes no more. */
export function isSpoilt(outcome: Outcome): boolean {
  return outcome.truth.isSpoilt || (outcome.truth.beating.length === 0 && runningOn(outcome).length > 0)
}

/** Hosts on which a copy lies that does not run. */
export function leftoversOf(outcome: Outcome): readonly string[] {
  return outcome.truth.processes.filter((host) => !runningOn(outcome).includes(host))
}

/** Throws where the VM is in two places, or elsewhere than the journal tells; where it was called for twice; or where nobody knew for too long.
 *  @param deadHost lost its power: what was there is gone, and a move from there that never began has no part in that */
export function checkOutcome(outcome: Outcome, deadHost?: string): void {
  const { story, truth, calls, from, to, struckAt } = outcome
  const told = JSON.stringify({ ...outcome, story: story.lines })
  checkStory(story)
  assert.ok(calls.length <= 1, `called for more than once: ${told}`)
  assert.equal(truth.doubledBeats, 0, `it executed twice: ${told}`)
  assert.ok(truth.beating.length <= 1, `it executes in two places: ${told}`)
  assert.ok(story.unknownMs <= UNKNOWN_MS_MAX, `nobody knew for too long: ${told}`)
  const running = runningOn(outcome)
  const { closed } = story.record
  assert.ok(closed, told)
  const places = { done: [to], 'not-started': [from], failed: [from], aborted: [from], 'lost-by-fault': [] }
  // What ran there when the move was over, and died with its host after that, is no longer the move's.
  const isLostLater = running.length === 0 && struckAt !== undefined && struckAt >= closed.at
  const isLostBefore = closed.state === 'not-started' && calls.length === 0 && from === deadHost && running.length === 0
  if (!isLostLater && !isLostBefore)
    assert.deepEqual(running, places[closed.state], `the journal says otherwise: ${told}`)
  assert.ok(
    running.every((host) => truth.processes.includes(host)),
    `libvirt says otherwise than the kernel: ${told}`,
  )
  if (!isSpoilt(outcome)) assert.deepEqual(truth.beating, running, `libvirt says otherwise than the guest: ${told}`)
}
