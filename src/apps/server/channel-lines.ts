/** The line protocol of a virtio-serial channel (decision 0009), without the socket: bytes in, answers out. */
import { pieceOf } from '../../engine/delivery/phase-pieces.ts'
import type { VmId } from '../../terms/ids.ts'
import { ParseError, parseFields, parseJson } from '../../terms/parse.ts'
import { WIRE_BYTES_MAX } from '../../terms/personality-codec.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { Hearing } from './desk.ts'
import { BATCH_LINES_MAX, type IngestAnswer, type LineOutcome } from './ingest.ts'
import type { ServedPhases } from './phase-models.ts'

/** Who stands behind a channel: the server itself, or a host that relays to one. */
export interface ChannelDesk {
  readonly phases: ServedPhases
  now(): EpochMs
  standing(vm: VmId): Promise<Hearing>
  /** The guest has opened its channel. */
  greet(vm: VmId): Promise<void>
  /** It speaks, whether it was greeted or not. */
  meet(vm: VmId): Promise<void>
  take(vm: VmId, lines: readonly string[]): Promise<IngestAnswer | Hearing>
}

/** Longest line that is kept together: a vector, and some room for what a later version may say. */
const LINE_BYTES_MAX = 1024
/** Whoever is shut out asks again after so long. */
const SHUT_OUT_SEC = 600
const LINE_FEED = 10

/** Cuts a stream of bytes into lines. What is longer than a line may be is dropped, up to its end. */
export class LineCutter {
  private held: Uint8Array = new Uint8Array(0)
  private isDropping = false

  /** Lines that are whole now; empty ones are left out. */
  cut(bytes: Uint8Array): readonly string[] {
    const lines: string[] = []
    let from = 0
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
      this.hold(bytes.subarray(from, end))
      if (!this.isDropping && this.held.length > 0) lines.push(Buffer.from(this.held).toString('latin1'))
      this.held = new Uint8Array(0)
      this.isDropping = false
      from = end + 1
    }
    this.hold(bytes.subarray(from))
    return lines
  }

  private hold(more: Uint8Array): void {
    if (this.isDropping || more.length === 0) return
    this.isDropping = this.held.length + more.length > LINE_BYTES_MAX
    this.held = this.isDropping ? new Uint8Array(0) : Buffer.concat([this.held, more])
  }
}

/** Answers lines of one VM, whose name the host knows. Returns the lines to send back. */
export async function answerLines(desk: ChannelDesk, vm: VmId, lines: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = []
  const vectors: string[] = []
  const questions: PhasesQuestion[] = []
  let isGreeted = false
  for (const line of lines) {
    const kind = readKind(line)
    if (kind === 'vector') vectors.push(line)
    else if (kind === 'hello') isGreeted = true
    else if (kind !== 'broken') questions.push(kind)
  }
  if (isGreeted) {
    await desk.greet(vm)
    answers.push(JSON.stringify({ welcome: { vm, phases: desk.phases.version } }))
  }
  for (let i = 0; i < vectors.length; i += BATCH_LINES_MAX) {
    const { told, isBusy } = await answerVectors(desk, vm, vectors.slice(i, i + BATCH_LINES_MAX))
    answers.push(...told)
    // What is left is not answered, and so is sent again.
    if (isBusy) return answers
  }
  if (questions.length > 0 && (await desk.standing(vm)).kind !== 'heard') return [...answers, busy(SHUT_OUT_SEC)]
  return [...answers, ...questions.map((question) => answerQuestion(desk, question))]
}

/** Which piece of which phase model a guest asks for. */
interface PhasesQuestion {
  readonly version: number
  readonly index: number
}

function answerQuestion(desk: ChannelDesk, wanted: PhasesQuestion): string {
  const { version, index, count, text } = pieceOf(desk.phases, wanted)
  return JSON.stringify({ part: [version, index, count, text] })
}

interface Told {
  readonly told: readonly string[]
  readonly isBusy: boolean
}

async function answerVectors(desk: ChannelDesk, vm: VmId, lines: readonly string[]): Promise<Told> {
  await desk.meet(vm)
  const answer = await desk.take(vm, lines)
  if ('kind' in answer) {
    const waitMs = answer.kind === 'later' ? answer.waitMs : SHUT_OUT_SEC * SECOND_MS
    return { told: [busy(Math.ceil(waitMs / SECOND_MS))], isBusy: true }
  }
  const told = answer.outcomes.flatMap((outcome, i) => tell(outcome, lines[i], desk.phases.version))
  if (answer.quarantine === undefined) return { told, isBusy: false }
  return { told: [...told, busy(SHUT_OUT_SEC)], isBusy: true }
}

function busy(seconds: number): string {
  return JSON.stringify({ busy: Math.max(1, seconds) })
}

/** A refusal names the line by sender and number: where those can't be read, the line was broken and is dropped. */
function tell(outcome: LineOutcome, line: string, phases: number): readonly string[] {
  if (outcome.kind !== 'refused') return [JSON.stringify({ ack: [outcome.sender, outcome.sequence], phases })]
  const named = readName(line)
  return named === undefined ? [] : [JSON.stringify({ refused: [...named, outcome.reason] })]
}

function readName(line: string): readonly [string, number] | undefined {
  const { sender, seq } = readFields(line) ?? {}
  return typeof sender === 'string' && typeof seq === 'number' ? [sender, seq] : undefined
}

function readKind(line: string): 'hello' | 'vector' | 'broken' | PhasesQuestion {
  if (line.length > WIRE_BYTES_MAX) return 'broken'
  const fields = readFields(line)
  if (fields === undefined) return 'broken'
  if (fields['hello'] !== undefined) return 'hello'
  return Array.isArray(fields['phases']) ? readQuestion(fields['phases']) : 'vector'
}

function readQuestion([version, index]: readonly unknown[]): PhasesQuestion | 'broken' {
  const areCounts = [version, index].every((value) => Number.isSafeInteger(value) && Number(value) >= 0)
  return areCounts ? { version: Number(version), index: Number(index) } : 'broken'
}

function readFields(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseFields(parseJson(line, 'line'), 'line')
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
