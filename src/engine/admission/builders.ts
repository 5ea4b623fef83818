/** For tests: a server in small, of which only the admission is real. */
import { admit, NO_SENDERS, type VmSenders } from './senders.ts'
import type { Luck } from '../../terms/luck.ts'

export interface Sent {
  readonly sender: string
  readonly sequence: number
  readonly bytes: string
}

/** Keeps what is taken, as the store does, and no more of a VM in quarantine. */
export class Keeper {
  known: VmSenders = NO_SENDERS
  isQuarantined = false
  /** Bytes by sender and number, in the order in which they were taken. */
  readonly kept = new Map<string, string>()

  offer({ sender, sequence, bytes }: Sent): 'taken' | 'duplicate' | 'quarantine' | 'shut out' {
    if (this.isQuarantined) return 'shut out'
    const before = this.kept.get(`${sender}/${sequence}`)
    const kept = before === undefined ? 'nothing' : before === bytes ? 'same' : 'other'
    const admission = admit(this.known, { sender, sequence, kept })
    if (admission.kind === 'taken') {
      this.known = admission.next
      this.kept.set(`${sender}/${sequence}`, bytes)
    }
    if (admission.kind === 'quarantine') this.isQuarantined = true
    return admission.kind
  }

  release(): void {
    this.isQuarantined = false
    this.known = { ...this.known, isReleased: true }
  }

  /** All that the state is. */
  digest(): string {
    return JSON.stringify([this.known, this.isQuarantined, [...this.kept]])
  }
}

/** Draws a life: runs of an agent, clones, collisions, releases; and plays it twice, the second time with replays of what was taken before in
 *  between, in any order. Throws where the two differ. Returns how many replays there were. */
export function replaySeed(luck: Luck): number {
  const plain = new Keeper()
  const replayed = new Keeper()
  const heard: Sent[] = []
  let replays = 0
  const length = 5 + luck.below(60)
  for (let step = 0; step < length; step++) {
    if (luck.below(12) === 0) for (const keeper of [plain, replayed]) keeper.release()
    const sent = drawVector(luck)
    const kind = plain.offer(sent)
    const same = replayed.offer(sent)
    if (kind !== same) throw new Error(`step ${step}: ${kind} without replays, ${same} with them`)
    if (kind === 'taken') heard.push(sent)
    for (let more = luck.below(4); more > 0 && heard.length > 0; more--) {
      const answer = replayed.offer(heard[luck.below(heard.length)])
      if (answer !== 'duplicate' && answer !== 'shut out') throw new Error(`step ${step}: a replay was ${answer}`)
      replays++
    }
    if (plain.digest() !== replayed.digest()) throw new Error(`step ${step}: the state is another with replays`)
  }
  return replays
}

/** Mostly an agent that goes on; at times an earlier number, another run, or other bytes. */
function drawVector(luck: Luck): Sent {
  const sender = `s${luck.below(4)}`
  const sequence = luck.below(30)
  return { sender, sequence, bytes: `${sender}/${sequence}${luck.below(15) === 0 ? '!' : ''}` }
}
