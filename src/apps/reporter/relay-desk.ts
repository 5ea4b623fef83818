/** Stands behind the channels of a host's guests: what they say is passed on to the server in batches, and answered to each as the server answered. */
import { createHash } from 'node:crypto'
import { decodePhaseModel } from '../../engine/profile/phases.ts'
import type { VmId } from '../../terms/ids.ts'
import { ParseError, parseFields, parseJson, parseList, parseNumber, parseText, show } from '../../terms/parse.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import type { ChannelDesk } from '../server/channel-lines.ts'
import type { Hearing } from '../server/desk.ts'
import type { IngestAnswer, LineOutcome } from '../server/ingest.ts'
import { BUILT_IN, type ServedPhases } from '../server/phase-models.ts'
import { RELAY_BYTES_MAX, RELAY_LINES_MAX } from '../server/relay.ts'
import { ReporterError } from './reporter-error.ts'
import type { Answer, Asked } from './request.ts'

/** How one request is sent, as whom it may be. Rejects with a `ReporterError`. */
export type Send = (asked: Asked) => Promise<Answer>

/** Lines that come within this time go out together. */
const GATHER_MS = 200
/** A guest keeps what was not taken, and is told to come again after this long while the server is away. */
const AWAY_MS = 30 * SECOND_MS
/** Some twelve megabytes, and as much as forty requests take. */
const WAITING_LINES_MAX = 40 * RELAY_LINES_MAX
const VM_SHUT_OUT = /banned|quarantine/i

interface Waiting {
  readonly lines: readonly string[]
  readonly settle: (answer: IngestAnswer | Hearing) => void
}

/** What the server says of one line, by its place in the batch. */
interface Verdicts {
  readonly refused: ReadonlyMap<number, string>
  readonly later: ReadonlyMap<number, string>
}

export class RelayDesk implements ChannelDesk {
  phases: ServedPhases = BUILT_IN
  private readonly send: Send
  private readonly clock: Pick<Clock, 'now'>
  private readonly note: (text: string) => void
  private readonly waiting: Waiting[] = []
  private timer: NodeJS.Timeout | undefined
  private linesWaiting = 0
  private isSending = false
  private isClosed = false

  constructor(send: Send, clock: Pick<Clock, 'now'>, note: (text: string) => void) {
    this.send = send
    this.clock = clock
    this.note = note
  }

  now(): EpochMs {
    return this.clock.now()
  }

  /** Who is shut out is known to the server alone, and it says so when lines come. */
  async standing(_vm: VmId): Promise<Hearing> {
    return Promise.resolve({ kind: 'heard' })
  }

  /** The server learns of a VM by its first line. */
  async greet(_vm: VmId): Promise<void> {
    return Promise.resolve()
  }

  async meet(_vm: VmId): Promise<void> {
    return Promise.resolve()
  }

  /** Resolves once the server has answered for these lines. Never rejects: while the server is away the guest is told to come later. A line that
   *  speaks for another VM is refused here: the server lets a host speak for all of its VMs, and so can not know. */
  async take(vm: VmId, lines: readonly string[]): Promise<IngestAnswer | Hearing> {
    const against = lines.map((line) => whyNotOf(vm, line))
    const own = lines.filter((_, i) => against[i] === undefined)
    const answer: IngestAnswer | Hearing = own.length === 0 ? { outcomes: [] } : await this.relay(own)
    if ('kind' in answer) return answer
    const outcomes: LineOutcome[] = []
    let next = 0
    for (const reason of against) {
      if (reason !== undefined) outcomes.push({ kind: 'refused', reason })
      else outcomes.push(answer.outcomes[next++])
    }
    return { ...answer, outcomes }
  }

  /** Nobody waits for an answer any more. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
    this.timer = undefined
    this.sendAway(this.waiting.splice(0), AWAY_MS)
  }

  /** Lines wait for their turn up to so many: whoever comes then, while the server is slow, comes again. */
  private relay(lines: readonly string[]): Promise<IngestAnswer | Hearing> {
    if (this.isClosed || this.linesWaiting + lines.length > WAITING_LINES_MAX) {
      if (!this.isClosed) this.note(`more than ${WAITING_LINES_MAX} lines wait for the server: guests keep the others`)
      return Promise.resolve({ kind: 'later', waitMs: AWAY_MS })
    }
    return new Promise((settle) => {
      this.waiting.push({ lines, settle })
      this.linesWaiting += lines.length
      this.schedule()
    })
  }

  private schedule(): void {
    if (this.isClosed || this.isSending || this.timer !== undefined || this.waiting.length === 0) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      void this.sendNext()
    }, GATHER_MS)
  }

  private async sendNext(): Promise<void> {
    this.isSending = true
    const batch = this.nextBatch()
    try {
      // Byte by byte what guests said: lines are read as Latin-1, and written as such.
      const body = Buffer.from(batch.flatMap(({ lines }) => lines).join('\n'), 'latin1')
      const answer = await this.send({ path: '/v1/vectors', body, type: 'application/x-ndjson' })
      this.settle(batch, answer)
      await this.followPhases(answer.json)
    } catch (error) {
      this.note(error instanceof Error ? error.message : String(error))
      const afterMs = error instanceof ReporterError ? error.afterMs : undefined
      // The others would wait for the same in vain.
      this.sendAway([...batch, ...this.waiting.splice(0)], afterMs ?? AWAY_MS)
    } finally {
      this.isSending = false
      this.linesWaiting = this.waiting.reduce((sum, { lines }) => sum + lines.length, 0)
      this.schedule()
    }
  }

  private sendAway(list: readonly Waiting[], waitMs: number): void {
    for (const { settle } of list) settle({ kind: 'later', waitMs })
  }

  /** As many as one request may hold. Lines of one guest that come in two parts stay in order: the second waits for its turn. */
  private nextBatch(): readonly Waiting[] {
    const batch: Waiting[] = []
    let [lines, bytes] = [0, 0]
    while (this.waiting.length > 0) {
      const [next] = this.waiting
      lines += next.lines.length
      bytes += next.lines.reduce((sum, line) => sum + line.length + 1, 0)
      if (batch.length > 0 && (lines > RELAY_LINES_MAX || bytes > RELAY_BYTES_MAX)) break
      batch.push(next)
      this.waiting.shift()
    }
    return batch
  }

  private settle(batch: readonly Waiting[], { status, json, retryAfterMs }: Answer): void {
    if (status !== 200) {
      this.note(`The server did not take what guests said (${status}): they keep it and come again`)
      const waitMs = retryAfterMs ?? AWAY_MS
      return this.sendAway(batch, waitMs)
    }
    const verdicts = readVerdicts(json)
    let place = 0
    for (const { lines, settle } of batch) {
      settle(answerOf(lines, place, verdicts))
      place += lines.length
    }
  }

  /** Fetches the phase model that the server tells, if it is another than ours. A model that is none is left, and said. */
  private async followPhases(json: unknown): Promise<void> {
    const version = typeof json === 'object' && json !== null ? Reflect.get(json, 'phases') : undefined
    if (typeof version !== 'number' || version === this.phases.version) return
    const { status, text } = await this.send({ path: '/v1/phases' })
    try {
      if (status === 200 && decodePhaseModel(text).version === version) this.phases = { version, text }
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.note(`phase model ${version} (${createHash('sha256').update(text).digest('hex').slice(0, 8)}) is not usable`)
    }
  }
}

/** Why a line can not be of a VM; undefined where it can. A name given twice is the server's to refuse: it takes no second spelling. */
function whyNotOf(vm: VmId, line: string): string | undefined {
  try {
    const named = parseFields(parseJson(line, 'line'), 'line')['vm']
    return named === vm ? undefined : `the vector is of ${show(named)}, but was sent by ${vm}`
  } catch (error) {
    if (error instanceof ParseError) return error.message
    throw error
  }
}

function answerOf(lines: readonly string[], place: number, { refused, later }: Verdicts): IngestAnswer | Hearing {
  const outcomes: LineOutcome[] = []
  for (const [i, line] of lines.entries()) {
    const postponed = later.get(place + i)
    // What was taken before it is sent again, and is a duplicate then.
    if (postponed !== undefined) {
      if (VM_SHUT_OUT.test(postponed)) return { kind: 'quarantined' }
      return { kind: 'later', waitMs: AWAY_MS }
    }
    const reason = refused.get(place + i)
    outcomes.push(reason === undefined ? { kind: 'accepted', ...nameOf(line) } : { kind: 'refused', reason })
  }
  return { outcomes }
}

/** Of a line that the server has taken: it can be read. */
function nameOf(line: string): { readonly sender: string; readonly sequence: number } {
  const fields = parseFields(parseJson(line, 'line'), 'line')
  return { sender: parseText(fields['sender'], 'sender'), sequence: parseNumber(fields['seq'], 'seq') }
}

function readVerdicts(json: unknown): Verdicts {
  const fields = parseFields(json, 'answer')
  const read = (name: string): ReadonlyMap<number, string> =>
    new Map(
      parseList(fields[name] ?? [], name, RELAY_LINES_MAX).map((entry) => {
        const { line, reason } = parseFields(entry, name)
        return [parseNumber(line, `${name} line`), parseText(reason, `${name} reason`)] as const
      }),
    )
  return { refused: read('refused'), later: read('later') }
}
