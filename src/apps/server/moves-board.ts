/** The main process's side of moves: what the controller told of them last, and what people ask of it. */
import { INTENT_ENDS, type IntentEnd } from '../../terms/intent.ts'
import type { HostId, OrderId, VmId } from '../../terms/ids.ts'
import {
  ParseError,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
} from '../../terms/parse.ts'
import { type EpochMs, SECOND_MS } from '../../terms/units.ts'
import type { AlertDraft, AlertKind } from './alerts.ts'
import type { AskResult, ControllerAsk } from './controller-messages.ts'
import type { ObjectionAsk } from './objecting.ts'
import type { Answer, MoveNumbers, SiteEvent, SiteMoves } from './site-answers.ts'

/** A controller that has not heeded by then is ended: nothing may begin a second after somebody paused. */
const HEED_MS = 800
/** Both hosts are asked before a move begins. */
const ANSWER_MS = 30 * SECOND_MS
const EVENT_LENGTH_MAX = 16 * 1024
const WHATS = ['double', 'ambiguous', 'unknown', 'lost-by-fault', 'overdue', 'yielded'] as const
const FIGURES = ['total', 'downtime', 'bytes'] as const
const ALERT_OF: Readonly<Record<(typeof WHATS)[number], AlertKind>> = {
  double: 'move-double',
  ambiguous: 'move-frozen',
  unknown: 'move-frozen',
  'lost-by-fault': 'move-lost',
  overdue: 'move-overdue',
  yielded: 'move-yielded',
}

export interface MovesBoardOptions {
  /** Undefined: there is no controller, or it did not answer. */
  readonly ask: (ask: ControllerAsk, waitMs: number) => Promise<AskResult | undefined>
  /** Ends the controller's process; it is started again. */
  readonly kill: () => void
  readonly publish: (event: SiteEvent) => void
}

/** What is read of a move, for events and numbers. */
interface ToldMove {
  readonly id: string
  readonly state: string
  readonly told: object
}

export class MovesBoard implements SiteMoves {
  private readonly options: MovesBoardOptions
  private text: string | undefined
  private states: ReadonlyMap<string, string> | undefined
  private counted: MoveNumbers | undefined
  private found: readonly AlertDraft[] = []

  constructor(options: MovesBoardOptions) {
    this.options = options
  }

  /** As the newest message has them. */
  get alerts(): readonly AlertDraft[] {
    return this.found
  }

  /** What the controller told. Throws a `ParseError` for what it could not have. */
  hear(text: string, at: EpochMs): void {
    const place = 'moves'
    const fields = parseFields(parseJson(text, place), place)
    const open = parseList(fields['open'], `${place}.open`).map((one) => readMove(one, `${place}.open`))
    const ended = parseList(fields['ended'], `${place}.ended`).map((one) => readMove(one, `${place}.ended`))
    this.found = parseList(fields['alerts'], `${place}.alerts`).map((one) => readAlert(one, `${place}.alerts`))
    this.text = text
    const was = this.states
    this.states = new Map([...open, ...ended].map(({ id, state }) => [id, state]))
    this.counted = {
      open: open.length,
      frozen: open.filter(({ state }) => state === 'frozen').length,
      promises: parseOptional(fields['ledger'], (ledger) => readPromises(ledger, `${place}.ledger`)) ?? {},
    }
    // What had ended before this process looked is no news.
    const news = was === undefined ? open : [...open, ...ended].filter(({ id, state }) => was.get(id) !== state)
    for (const { state, told } of news) {
      const body = JSON.stringify({ at, isEnd: (INTENT_ENDS as readonly string[]).includes(state), ...told })
      if (body.length <= EVENT_LENGTH_MAX) this.options.publish({ name: 'migration', at, text: body })
    }
  }

  /** The controller is gone, or another server's takes the turns: what was told stands no more. */
  forget(): void {
    this.text = undefined
    this.counted = undefined
    this.found = []
  }

  list(): Answer {
    if (this.text !== undefined) return { kind: 'json', text: this.text }
    const reason =
      'The controller of this server has not told of moves: it is starting, or another server takes the turns.'
    return { kind: 'unavailable', reason, remedy: 'Ask the server whose `ethos status` says that its controller runs.' }
  }

  numbers(): MoveNumbers | undefined {
    return this.counted
  }

  async heed(): Promise<void> {
    if ((await this.options.ask({ what: 'heed' }, HEED_MS))?.kind === 'done') return
    this.options.kill()
  }

  approve(orderId: OrderId, who: string): Promise<AskResult | undefined> {
    return this.options.ask({ what: 'approve', orderId, who }, ANSWER_MS)
  }

  object(ask: ObjectionAsk): Promise<AskResult | undefined> {
    return this.options.ask({ what: 'object', ...ask }, ANSWER_MS)
  }

  lift({ kind, orderId, who }: Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>): Promise<AskResult | undefined> {
    return this.options.ask({ what: 'lift', kind, orderId, who }, ANSWER_MS)
  }

  cancel(vmId: VmId, who: string): Promise<AskResult | undefined> {
    return this.options.ask({ what: 'cancel', vmId, who }, ANSWER_MS)
  }

  vouch(hostId: HostId, who: string): Promise<AskResult | undefined> {
    return this.options.ask({ what: 'vouch', hostId, who }, ANSWER_MS)
  }
}

function readMove(value: unknown, place: string): ToldMove {
  const fields = parseFields(value, place)
  return {
    id: parseText(fields['id'], `${place}.id`),
    state: parseText(fields['state'], `${place}.state`),
    told: fields,
  }
}

function readPromises(value: unknown, place: string): MoveNumbers['promises'] {
  const ledger = parseFields(value, place)
  const told = FIGURES.flatMap((name) => {
    if (ledger[name] === undefined) return []
    const fields = parseFields(ledger[name], `${place}.${name}`)
    const number = (of: string): number => parseNumber(fields[of], `${place}.${name}.${of}`, { min: 0 })
    return [[name, { medianError: number('medianError'), coverage: number('coverage') }] as const]
  })
  return Object.fromEntries(told)
}

function readAlert(value: unknown, place: string): AlertDraft {
  const fields = parseFields(value, place)
  const what = parseWord(fields['what'], `${place}.what`, WHATS)
  const commands = parseList(fields['commands'], `${place}.commands`).map((one) => parseText(one, `${place}.commands`))
  const remedy = commands.length === 0 ? 'Look on the hosts themselves.' : commands.join('\n')
  return {
    kind: ALERT_OF[what],
    severity: parseWord(fields['severity'], `${place}.severity`, ['critical', 'warning']),
    about: parseText(fields['vm'], `${place}.vm`),
    what: parseText(fields['text'], `${place}.text`),
    remedy,
  }
}

/** Ends by their words, for whoever counts them. */
export function endOfEvent(text: string): IntentEnd | undefined {
  try {
    const { state, isEnd } = parseFields(parseJson(text, 'event'), 'event')
    return isEnd === true ? parseWord(state, 'event.state', INTENT_ENDS) : undefined
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
