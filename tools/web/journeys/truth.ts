/** Reliability test 60: in a thousand states of moves that go right and wrong, the page of the plan shows what the API tells, and that is what the journal
 *  has: nothing is shown as done before it was seen there, and nothing as under way that has ended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MigrationsView, MigrationView } from '../../../src/apps/server/views/moves.ts'
import { bytesText, minuteText, pauseText, percentText, rateText, spanText } from '../../../src/terms/shown.ts'
import { type MoveState, moveStates } from '../move-states.ts'
import { on, skip } from './stage.ts'

const STATES = 1000
/** So many at once go to the browser, and come back as texts. */
const AT_ONCE = 100
/** So many moves under way are drawn; of those that ended, those in sight. */
const DRAWN_MAX = 30

/** What stands on the screen. */
interface Screen {
  readonly flights: readonly {
    readonly label: string
    readonly stage: string
    readonly text: string
    /** `Round: 3`, in their order. */
    readonly figures: readonly string[]
  }[]
  /** Texts of cells, row by row. */
  readonly ended: readonly (readonly string[])[]
  readonly text: string
}

test(`in ${STATES} states the screen, the API, the journal and the platform agree on every move`, {
  skip,
}, async () => {
  const states = (await moveStates(STATES)).map(withRates)
  assert.equal(states.length, STATES)
  const screens = await shownOf(states.map(({ told }) => told))
  const seen = { open: 0, frozen: 0, done: 0, otherEnds: 0, rounds: 0, travels: 0, writtenAnew: 0 }
  const wasDone = new Set<string>()
  states.forEach((state, i) => {
    const told = JSON.parse(state.told) as MigrationsView
    // A new site: its orders are numbered anew.
    if (state.journal.length < (states[i - 1]?.journal.length ?? 0)) wasDone.clear()
    agreeWithJournal(told, state, wasDone)
    agreeOnScreen(told, screens[i])
    seen.open += told.open.length
    seen.frozen += told.open.filter(({ frozen }) => frozen !== undefined).length
    const progresses = told.open.flatMap(({ progress }) => progress ?? [])
    seen.rounds += progresses.filter(({ rounds }) => rounds !== undefined).length
    seen.travels += progresses.filter(({ copiedBytesPerSec }) => copiedBytesPerSec !== undefined).length
    seen.writtenAnew += progresses.filter(({ dirtyBytesPerSec }) => dirtyBytesPerSec !== undefined).length
    seen.done += told.ended.filter(({ state: end }) => end === 'done').length
    seen.otherEnds += told.ended.filter(({ state: end }) => end !== 'done').length
  })
  // Of each kind there were some: who sees nothing agrees with everything.
  for (const [kind, count] of Object.entries(seen)) assert.ok(count >= 20, `${kind}: ${count}`)
})

function agreeWithJournal({ open, ended }: MigrationsView, state: MoveState, wasDone: Set<string>): void {
  const journal = new Map(state.journal.map((move) => [move.id, move]))
  for (const { id } of open) assert.equal(journal.get(id)?.end, undefined, `${id} is under way and has ended`)
  for (const { id, vm, to, state: end, figures } of ended) {
    assert.equal(journal.get(id)?.end, end, `${id} is told to have ended otherwise than it is on record`)
    assert.deepEqual(figures, journal.get(id)?.figures, `${id} is told to have taken what is not on record`)
    if (end !== 'done' || wasDone.has(id)) continue
    wasDone.add(id)
    const isMovedSince = state.journal.some((move) => move.vm === vm && move.id !== id)
    if (state.faulted.includes(vm) || isMovedSince) continue
    assert.ok(state.runsOn[vm]?.includes(to), `${id} is told to be done, and ${vm} runs on ${state.runsOn[vm]?.join()}`)
  }
}

function agreeOnScreen(told: MigrationsView, { flights, ended, text }: Screen): void {
  assert.equal(flights.length, Math.min(DRAWN_MAX, told.open.length))
  flights.forEach((flight, i) => {
    const move = told.open[i]
    assert.equal(flight.label, `${move.vm}, under way from ${move.from} to ${move.to}`)
    assert.equal(flight.stage, stageOf(move))
    const elapsed = spanText(Math.max(0, move.progress?.elapsedMs ?? told.asOf - (move.sentAt ?? move.recordedAt)))
    const frozen = move.frozen === undefined ? [] : [`(${move.frozen.reason}): ${move.frozen.detail.trim()}`]
    assert.deepEqual(flight.figures, figuresOf(move, elapsed))
    for (const part of [elapsed, ...frozen]) assert.ok(flight.text.includes(plain(part)), `${part} in ${flight.text}`)
    if (move.frozen === undefined) assert.ok(!flight.text.includes('Frozen since'))
  })
  assert.equal(text.includes('Nothing moves.'), told.open.length === 0)
  assert.equal(text.includes('No move has ended yet.'), told.ended.length === 0)
  assert.ok(ended.length > 0 || told.ended.length === 0)
  ended.forEach((cells, i) => {
    const { endedAt, vm, from, to, state, figures = {} } = told.ended[i]
    const came = [
      figures.totalMs === undefined ? '–' : spanText(figures.totalMs),
      figures.copiedBytes === undefined ? '–' : bytesText(figures.copiedBytes),
      figures.downtimeMs === undefined ? '–' : pauseText(figures.downtimeMs),
    ]
    const when = endedAt === undefined ? 'not told' : minuteText(endedAt)
    assert.deepEqual(cells.slice(0, 7), [when, vm, `${from} → ${to}`, state.replaceAll('-', ' '), ...came])
  })
}

/** What the page has to show beside each word, in its order; what the platform does not tell is not told. */
function figuresOf({ promise, progress }: MigrationView, elapsed: string): readonly string[] {
  const { copiedBytes, copiedBytesPerSec, dirtyBytesPerSec, rounds, throttle = 0 } = progress ?? {}
  return [
    `Time: ${elapsed}${promisedPart(promise?.totalMs, spanText)}`,
    `Copied: ${toldPart(copiedBytes, bytesText)}${promisedPart(promise?.copiedBytes, bytesText)}`,
    `Travels: ${toldPart(copiedBytesPerSec, rateText)}`,
    `Written anew: ${toldPart(dirtyBytesPerSec, rateText)}`,
    `Round: ${toldPart(rounds, String)}`,
    ...(throttle > 0
      ? [`Slowed down: ${percentText(throttle)} of its CPU time is denied, so that it writes less`]
      : []),
  ]
}

function toldPart(value: number | undefined, show: (value: number) => string): string {
  return value === undefined ? 'not told' : show(value)
}

function promisedPart(value: number | undefined, show: (value: number) => string): string {
  return value === undefined ? '' : ` of ${show(value)} promised`
}

/** The imagined platform tells no rounds and no rates, as QEMU does: in every other state these are told as well. */
function withRates({ told, ...state }: MoveState, i: number): MoveState {
  if (i % 2 === 0) return { told, ...state }
  const view = JSON.parse(told) as MigrationsView
  const open = view.open.map(({ progress, ...move }, m) => {
    if (progress === undefined) return move
    const rates = { copiedBytesPerSec: (i + 1) * 1e6, dirtyBytesPerSec: ((i * 7 + m) % 90) * 1e6 }
    return { ...move, progress: { ...progress, rounds: 1 + ((i + m) % 30), throttle: (i % 4) / 10, ...rates } }
  })
  return { ...state, told: JSON.stringify({ ...view, open }) }
}

/** How far it is, by what the API tells alone. */
function stageOf({ sentAt, acceptedAt, seenAt }: MigrationView): string {
  if (seenAt !== undefined) return 'seen on the target'
  if (acceptedAt !== undefined) return 'at work'
  return sentAt === undefined ? 'on record' : 'asked for'
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** Shows each answer on the page of the plan and reads it: the page is told that something has come about, and asks, as it does ever. */
async function shownOf(answers: readonly string[]): Promise<readonly Screen[]> {
  const { bench } = on
  const page = await bench.page()
  await page.addInitScript(HASTE)
  await page.goto(`${bench.base}/plan`)
  await page.getByRole('heading', { name: 'Ended lately' }).waitFor()
  const screens: Screen[] = []
  for (let i = 0; i < answers.length; i += AT_ONCE)
    screens.push(
      ...(await page.evaluate<readonly Screen[]>(`window.showAll(${JSON.stringify(answers.slice(i, i + AT_ONCE))})`)),
    )
  await page.close()
  return screens
}

/** Before the page is there: answers about moves come from the test, events when it says so, and a second between two questions is over at once. */
const HASTE = `(() => {
  const [fetch, now] = [window.fetch.bind(window), performance.now.bind(performance)]
  let [answer, answered, ahead, source] = [undefined, () => undefined, 0, undefined]
  // What is to come at once comes at once: browsers make timers within timers wait.
  const { port1, port2 } = new MessageChannel()
  const [wait, soon] = [window.setTimeout.bind(window), []]
  port2.onmessage = () => soon.shift()()
  const next = (then) => {
    soon.push(then)
    port1.postMessage(0)
  }
  window.setTimeout = (then, ms, ...rest) => (ms > 0 ? wait(then, ms, ...rest) : next(then))
  performance.now = () => now() + ahead
  window.fetch = async (path, init) => {
    if (answer === undefined || path !== '/v1/migrations') return fetch(path, init)
    next(answered)
    return new Response(answer, { headers: { 'content-type': 'application/json' } })
  }
  window.EventSource = class extends EventTarget {
    readyState = 1
    constructor() {
      super()
      source = this
      setTimeout(() => this.dispatchEvent(new Event('open')))
    }
    close() {}
  }
  const plain = (one) => (one?.textContent ?? '').replace(/\\s+/g, ' ').trim()
  const screen = () => ({
    flights: [...document.querySelectorAll('section[aria-labelledby="open"] article')].map((one) => ({
      label: one.getAttribute('aria-label'),
      stage: plain(one.querySelector('[aria-current="step"]')),
      text: plain(one),
      figures: [...one.querySelectorAll('dl dt')].map((term) => plain(term) + ': ' + plain(term.nextElementSibling)),
    })),
    ended: [...document.querySelectorAll('[aria-label="Moves that ended"] [role="row"]')].slice(1).map((row) =>
      [...row.querySelectorAll('[role="cell"]')].map(plain)),
    text: ['open', 'ended'].map((id) => plain(document.querySelector('section[aria-labelledby="' + id + '"]'))).join(' '),
  })
  window.showAll = async (answers) => {
    const screens = []
    for (const text of answers) {
      const { promise, resolve } = Promise.withResolvers()
      ;[answer, answered] = [text, resolve]
      ahead += 2000
      source.dispatchEvent(new MessageEvent('migration', { data: '{}' }))
      await promise
      // Its text is read, and what follows from it is drawn.
      for (let turns = 0; turns < 3; turns++) await new Promise(next)
      screens.push(screen())
    }
    return screens
  }
})()`
