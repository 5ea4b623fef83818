import type { HostId, OrderId, VmId } from '../../src/terms/ids.ts'
import type { IntentEnd, MigrationIntent } from '../../src/terms/intent.ts'
import type { MigrationOrder, MoveClass } from '../../src/terms/move.ts'
import { type MoveLine, readMoveLine } from '../../src/terms/move-record.ts'
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import type { ImaginedPlatform } from '../../src/simulator/imagined-platform.ts'

/** What the monitor holds of one move: by its own reading of the journal, not by the code under test. */
interface Story {
  readonly intent: MigrationIntent
  readonly lines: readonly MoveLine[]
}

/** What a call has to be judged by: what is so at this instant, as the test knows it. */
export interface CallWitness {
  readonly now: EpochMs
  readonly isPaused: boolean
  readonly isHeld: boolean
}

const TRUTH_SETTLED_MS = 3 * SECOND_MS
/** Ten minutes, and what a clock that was set back adds. */
const ALERTED_WITHIN_MS = 12 * MINUTE_MS

/** Watches a platform and a journal from outside and names each invariant that is broken (docs/moves.md, I1 to I6, I9, I10, I14 to I16). */
export class MoveMonitor {
  readonly violations: string[] = []
  /** Moves by the state in which they ended. */
  readonly ends = new Map<IntentEnd, number>()
  private readonly platform: ImaginedPlatform
  private readonly stories = new Map<OrderId, Story>()
  private readonly sent: { readonly intent: MigrationIntent; readonly at: EpochMs }[] = []
  private readonly tasksAtEnd = new Map<OrderId, number>()
  private readonly truth = new Map<VmId, { where: string; since: EpochMs }>()
  /** The longest that a move was frozen as unknown, and that with both hosts to be asked: ms. */
  unknownMsMax = 0
  askableMsMax = 0
  /** Moves that are frozen as unknown although both hosts can be asked: since when. */
  private readonly unknownSince = new Map<OrderId, EpochMs>()
  /** VMs that a person moved, or whose processes or hosts were killed: not ours to answer for. */
  readonly faulted = new Set<VmId>()

  constructor(platform: ImaginedPlatform) {
    this.platform = platform
  }

  /** A line that is durable from now on. */
  onLine(text: string, now: EpochMs): void {
    const line = readMoveLine(text)
    if (line === undefined) return
    const story = this.stories.get(line.orderId)
    if (story === undefined) {
      if (line.step === 'intent') this.stories.set(line.orderId, { intent: line.intent, lines: [line] })
      else this.say(`I4: ${line.orderId} begins with ${line.step}`)
      return
    }
    if (endOf(story) !== undefined) this.say(`I4: ${line.orderId} goes on with ${line.step} after its end`)
    this.stories.set(line.orderId, { ...story, lines: [...story.lines, line] })
    if (line.step === 'closed') this.onClosed(story, line, now)
  }

  /** The one call reaches the driver. */
  onCall(intent: MigrationIntent, { now, isPaused, isHeld }: CallWitness): void {
    const { id, vmId, from, to, decidedAt } = intent.order
    const story = this.stories.get(id)
    if (story === undefined) this.say(`I4: ${id} was sent and is not on record`)
    else if (!story.lines.some(({ step }) => step === 'sending'))
      this.say(`I4: ${id} was sent without a line before it`)
    if (story !== undefined && endOf(story) !== undefined) this.say(`I3: ${id} was sent after its end`)
    if (this.sent.some((call) => call.intent.order.id === id)) this.say(`I3: ${id} was sent twice`)
    const others = [...this.stories.values()].filter((other) => other !== story && endOf(other) === undefined)
    if (others.some((other) => other.intent.order.vmId === vmId)) this.say(`I3: ${vmId} has two intents`)
    for (const other of others) this.judgeFrozen(intent, other)
    if (now - decidedAt > MINUTE_MS) this.say(`I15: ${id} is ${now - decidedAt} ms old`)
    if (isPaused) this.say(`I14: ${id} was sent while paused`)
    if (isHeld) this.say(`I16: ${id} was sent while held`)
    const wanted =
      intent.order.class === 'evacuation' || intent.order.class === 'operator' ? intent.order.class : 'policy'
    if (intent.cause.kind !== wanted)
      this.say(`I14: ${id} of class ${intent.order.class} was caused by ${intent.cause.kind}`)
    if (from === to) this.say(`I8: ${id} goes nowhere`)
    this.judgeConcurrency(intent, others)
    this.judgeBudgets(intent, now)
    this.sent.push({ intent, at: now })
  }

  /** Looks at the truth. Call it often. */
  look(now: EpochMs): void {
    for (const vm of this.platform.machines.everDouble) this.say(`I1: ${vm} executed on two hosts`)
    for (const [orderId, number] of this.platform.calls) if (number > 1) this.say(`I3: ${number} calls for ${orderId}`)
    for (const [orderId, number] of this.tasksAtEnd)
      if ((this.platform.tasks.get(orderId) ?? 0) > number) this.say(`I3: ${orderId} began after its end`)
    for (const { intent } of this.stories.values()) {
      const { vmId } = intent.order
      const where = this.platform.machines.executing(vmId).join(' ')
      if (this.truth.get(vmId)?.where !== where) this.truth.set(vmId, { where, since: now })
    }
  }

  /** What is unknown for long has to be known to people; and it must not be unknown at all where both hosts can be asked. */
  lookAtFrozen(now: EpochMs, alerted: ReadonlySet<OrderId>): void {
    for (const [id, { intent, lines }] of this.stories) {
      const frozen = unknownLine(lines)
      const { from, to } = intent.order
      const { machines } = this.platform
      if (frozen === undefined || !machines.canBeAsked(from) || !machines.canBeAsked(to)) this.unknownSince.delete(id)
      else if (!this.unknownSince.has(id)) this.unknownSince.set(id, now)
      const askableForMs = now - (this.unknownSince.get(id) ?? now)
      this.askableMsMax = Math.max(this.askableMsMax, askableForMs)
      if (frozen !== undefined) this.unknownMsMax = Math.max(this.unknownMsMax, now - frozen.at)
      if (askableForMs > 10 * MINUTE_MS)
        this.say(`L2: ${id} is frozen ${askableForMs} ms after both hosts could be asked`)
      if (frozen !== undefined && now - frozen.at > ALERTED_WITHIN_MS && !alerted.has(id))
        this.say(`L2: ${id} has been frozen for ${now - frozen.at} ms, and nobody is told`)
    }
  }

  /** Everything has healed and enough time has passed: no move may be open, none may have been unknown for long. */
  finish(): void {
    for (const [id, story] of this.stories) {
      const end = endOf(story)
      if (end === undefined) this.say(`L1: ${id} has not ended: ${story.lines.map(({ step }) => step).join(' ')}`)
      const { vmId } = story.intent.order
      if (!this.faulted.has(vmId) && this.platform.machines.executing(vmId).length !== 1)
        this.say(
          `I2: ${vmId} runs on ${this.platform.machines.executing(vmId).length} hosts and nothing was done to it`,
        )
    }
  }

  /** The journal's story of one order, by its steps. */
  stepsOf(id: OrderId): readonly string[] {
    return this.stories.get(id)?.lines.map(({ step }) => step) ?? []
  }

  private onClosed({ intent, lines }: Story, line: Extract<MoveLine, { step: 'closed' }>, now: EpochMs): void {
    const { id, vmId, from, to } = intent.order
    this.ends.set(line.state, (this.ends.get(line.state) ?? 0) + 1)
    this.tasksAtEnd.set(id, this.platform.tasks.get(id) ?? 0)
    const kept = this.platform.machines.at(from, vmId)
    if (line.state === 'lost-by-fault' && kept !== undefined && kept.presence !== 'left')
      this.say(`I2: ${id} ended lost, and ${from} has ${vmId} ${kept.presence}`)
    if (line.state === 'done') {
      const seen = lines.find(({ step }) => step === 'seen')
      if (seen === undefined) this.say(`I4: ${id} is done and was not seen there`)
      else if (line.at - seen.at < 5 * SECOND_MS)
        this.say(`I5: ${id} is done ${line.at - seen.at} ms after it was first seen`)
    }
    // What was never sent says nothing of where it runs.
    if (!lines.some(({ step }) => step === 'sending')) return
    if (/^Somebody else|Not to be asked/.test(line.detail) && this.faulted.has(vmId)) return
    const truth = this.truth.get(vmId)
    if (truth === undefined || now - truth.since < TRUTH_SETTLED_MS) return
    const expected = { done: to, 'lost-by-fault': '' }[line.state as 'done'] ?? from
    if (truth.where !== expected) this.say(`I5: ${id} ended ${line.state}, and ${vmId} runs on [${truth.where}]`)
  }

  private judgeFrozen(intent: MigrationIntent, other: Story): void {
    if (!isFrozen(other)) return
    const { id, vmId, from, to } = intent.order
    const theirs = other.intent.order
    if (vmId === theirs.vmId) this.say(`I6: ${id} moves ${vmId}, which is frozen`)
    const hosts: ReadonlySet<HostId> = new Set([theirs.from, theirs.to])
    if (hosts.has(from) || hosts.has(to)) this.say(`I6: ${id} touches a host that is frozen`)
  }

  private judgeConcurrency({ order }: MigrationIntent, others: readonly Story[]): void {
    const open = others.map(({ intent }) => intent.order)
    if (open.length + 1 > 5) this.say(`I9: ${open.length + 1} moves at once`)
    if (open.filter(({ from }) => from === order.from).length + 1 > 2) this.say(`I9: more than 2 leave ${order.from}`)
    for (const host of [order.from, order.to]) {
      const units = open.filter(({ from, to }) => from === host || to === host).length + 1
      if (units > HOST_UNITS_HERE) this.say(`I9: ${units} units on ${host}`)
    }
  }

  private judgeBudgets({ order }: MigrationIntent, now: EpochMs): void {
    if (order.class === 'evacuation') return
    const ofPeople = order.class === 'operator'
    this.judgeHour(order, now, { classes: ofPeople ? ['operator'] : ['contention', 'energy'], most: 12, ofHost: 4 })
    if (order.class === 'energy') this.judgeHour(order, now, { classes: ['energy'], most: 6, ofHost: 2 })
    const ofVm = this.sent.filter(({ intent, at }) => intent.order.vmId === order.vmId && now - at < DAY_MS)
    if (ofVm.length + 1 > 4) this.say(`I10: ${ofVm.length + 1} moves of ${order.vmId} within a day`)
  }

  private judgeHour(
    { from, to }: MigrationOrder,
    now: EpochMs,
    limit: { readonly classes: readonly MoveClass[]; readonly most: number; readonly ofHost: number },
  ): void {
    const recent = this.sent.filter(
      ({ intent, at }) => limit.classes.includes(intent.order.class) && now - at < HOUR_MS,
    )
    const what = limit.classes.join(' and ')
    if (recent.length + 1 > limit.most) this.say(`I10: ${recent.length + 1} moves for ${what} within an hour`)
    for (const host of [from, to]) {
      const touching = recent.filter(({ intent: { order } }) => order.from === host || order.to === host).length
      if (touching + 1 > limit.ofHost) this.say(`I10: ${touching + 1} moves for ${what} touched ${host} within an hour`)
    }
  }

  private say(violation: string): void {
    if (!this.violations.includes(violation)) this.violations.push(violation)
  }
}

/** The rig's hosts have fewer units than 8, so that few moves reach the limit: 5 in all may go on at once. */
export const HOST_UNITS_HERE = 3

function endOf({ lines }: Story): IntentEnd | undefined {
  const last = lines.at(-1)
  return last?.step === 'closed' ? last.state : undefined
}

function isFrozen({ lines }: Story): boolean {
  const last = lines.findLast(({ step }) => step === 'frozen' || step === 'thawed')
  return last?.step === 'frozen'
}

/** Since when it is frozen as unknown. */
function unknownLine(lines: readonly MoveLine[]): MoveLine | undefined {
  const last = lines.findLastIndex(({ step }) => step === 'thawed' || step === 'closed')
  const line = lines.slice(last + 1).findLast(({ step }) => step === 'frozen')
  if (line?.step !== 'frozen' || line.reason !== 'unknown') return undefined
  return lines.slice(last + 1).find((each) => each.step === 'frozen' && each.reason === 'unknown')
}
