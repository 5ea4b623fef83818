/** All that the journal tells of one move: who wanted it and why, what else there was, what was promised, each step, and what came. */
import { afterLine, type IntentRecord } from '../../../engine/migration/intent-record.ts'
import { type Fields, ParseError, parseFields, parseJson } from '../../../terms/parse.ts'
import { readMoveLine } from '../../../terms/move-record.ts'
import type { Journal, JournalLine } from '../../../world/site-store.ts'
import { moveView } from '../moves-text.ts'
import { OBJECTION_LINES } from '../objections.ts'
import { WHY_LINES } from '../order-grounds.ts'
import { PROPOSAL_LINES } from '../proposals.ts'
import { orDamaged } from './damaged.ts'

/** Lines of turns are long on a large site: few are held at a time. */
const CHUNK = 50
/** Lines that are looked through, from the newest: two weeks at a turn a minute. And so many characters: whoever may look may ask for what there never was,
 *  and moves under way wait for the same store. */
const LINES_MOST = 20_000
const CHARACTERS_MOST = 128 * 1024 * 1024
const STEPS_MOST = 200
const OBJECTION_TOLD = ['what', 'at', 'who', 'until', 'because', 'reason'] as const

export interface MoveStory {
  readonly id: string
  /** The turn that ordered it, with what it said of this VM and both hosts. */
  readonly turn?: {
    readonly number: number
    readonly at: number
    readonly order: Fields
    readonly events: readonly Fields[]
  }
  /** Why it was proposed first. */
  readonly held?: string
  /** What people said against it, and what became of that. */
  readonly objections: readonly Fields[]
  /** What else there was as it began. */
  readonly grounds?: Fields
  readonly move?: object
  readonly steps: readonly Fields[]
  /** Gain and cost, promised against realised. */
  readonly outcome?: Fields
}

/** Undefined: the journal's newest lines tell of no order of this id. */
export async function tellMove(journal: Journal, id: string): Promise<MoveStory | undefined> {
  const lines = await linesAbout(journal, id)
  let story: Omit<MoveStory, 'steps' | 'objections'> = { id }
  const objections: Fields[] = []
  let record: IntentRecord | undefined
  const steps: Fields[] = []
  for (const line of lines) {
    const fields = orDamaged(`Line ${line.number} of the journal`, () => fieldsOf(line))
    if (fields['kind'] === 'turn') story = { ...story, ...ofTurn(fields, id) }
    if (line.line.startsWith(PROPOSAL_LINES) && typeof fields['held'] === 'string' && isOf(fields['order'], id))
      story = { ...story, held: fields['held'] }
    if (line.line.startsWith(OBJECTION_LINES) && (fields['id'] === id || isOf(fields['order'], id)))
      objections.push(objectionOf(fields))
    if (line.line.startsWith(WHY_LINES) && fields['orderId'] === id)
      story = { ...story, grounds: parseFields(fields['grounds'], 'journal.grounds') }
    if (fields['kind'] !== 'move' || fields['orderId'] !== id) continue
    const step = orDamaged(`Line ${line.number} of the journal`, () => readMoveLine(line.line))
    if (step !== undefined) record = afterLine(record, step)
    const { kind: _, orderId: __, intent: ___, ...told } = fields
    if (steps.length < STEPS_MOST) steps.push(told)
  }
  if (story.turn === undefined && record === undefined) return undefined
  return { ...story, ...(record === undefined ? {} : { move: moveView(record) }), objections, steps }
}

/** What was said, without the order that it was said of. */
function objectionOf(fields: Fields): Fields {
  return Object.fromEntries(OBJECTION_TOLD.flatMap((name) => (name in fields ? [[name, fields[name]]] : [])))
}

/** Those that name it, oldest first. An order begins with its intent or its turn, and nothing before that names it. */
async function linesAbout(journal: Journal, id: string): Promise<readonly JournalLine[]> {
  const quoted = JSON.stringify(id)
  const found: JournalLine[] = []
  let end = ((await journal.last(1)).at(-1)?.number ?? -1) + 1
  const first = Math.max(0, end - LINES_MOST)
  let looked = 0
  while (end > first && looked < CHARACTERS_MOST) {
    const from = Math.max(first, end - CHUNK)
    const page = (await journal.from(from, CHUNK)).filter(({ number }) => number < end)
    for (const line of page.toReversed()) {
      looked += line.line.length
      if (line.line.includes(quoted)) found.push(line)
    }
    if (found.some(isOrdering(quoted))) break
    end = from
  }
  return found.reverse()
}

/** The turn that ordered it says so in an event. */
function isOrdering(quoted: string): (line: JournalLine) => boolean {
  return ({ line }) =>
    line.startsWith('{"kind":"turn"') && line.includes(`{"kind":"move-ordered","order":{"id":${quoted}`)
}

function fieldsOf({ line }: JournalLine): Fields {
  return parseFields(parseJson(line, 'journal'), 'journal')
}

function ofTurn(fields: Fields, id: string): Pick<MoveStory, 'turn' | 'outcome'> {
  const events = listOf(fields['events'])
  const settled = events.find(
    ({ kind, outcome }) => kind === 'outcome-settled' && (outcome as Fields | undefined)?.['orderId'] === id,
  )
  const outcome = settled === undefined ? {} : { outcome: settled['outcome'] as Fields }
  const order = listOf(fields['orders']).find((one) => one['id'] === id)
  if (order === undefined) return outcome
  const about = new Set([order['vmId'], order['from'], order['to']])
  const told = events.filter(
    ({ kind, hostId, vmId }) => kind !== 'move-ordered' && (about.has(hostId) || about.has(vmId)),
  )
  return { ...outcome, turn: { number: Number(fields['turn']), at: Number(fields['at']), order, events: told } }
}

function isOf(order: unknown, id: string): boolean {
  try {
    return parseFields(order, 'order')['id'] === id
  } catch (error) {
    if (error instanceof ParseError) return false
    throw error
  }
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((one): one is Fields => typeof one === 'object' && one !== null) : []
}
