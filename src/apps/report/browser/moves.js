import { codes, counts, element, floats } from './blob.js'
import { histogram } from './histogram.js'
import { amount, clock, confidenceInWords, counted, percent, span } from './words.js'
/** @import { State } from './blob.js' */

const PAGE_LENGTH = 50

/** @typedef {{ class: number, text: string, host: number | undefined, fromMs: number, toMs: number }} Filter */

/** @param {State} state */
export function movesView(state) {
  const search = element('moves-search', HTMLInputElement)
  const classChoice = element('class-choice', HTMLSelectElement)
  const onlyHost = element('moves-host', HTMLInputElement)
  const timeButton = element('moves-time', HTMLButtonElement)
  const more = element('moves-more', HTMLButtonElement)
  let time = { fromMs: 0, toMs: Number.POSITIVE_INFINITY }
  let limit = PAGE_LENGTH
  const list = () => {
    const host = onlyHost.checked ? counts(state.run, state.policy.rows)[state.row] : undefined
    const filter = { class: Number(classChoice.value), text: search.value.trim().toLowerCase(), host, ...time }
    const isAll = time.toMs === Number.POSITIVE_INFINITY
    timeButton.hidden = isAll
    const { spanMs } = state.run.manifest
    timeButton.textContent = isAll ? '' : `${clock(time.fromMs, spanMs)} to ${clock(time.toMs, spanMs)} ✕`
    timeButton.setAttribute('aria-label', `Show all times, not only ${timeButton.textContent}`)
    listMoves(state, filter, limit)
  }
  const relist = () => {
    limit = PAGE_LENGTH
    list()
  }
  const setTime = (/** @type {number} */ fromMs, /** @type {number} */ toMs) => {
    const isSame = time.fromMs === fromMs && time.toMs === toMs
    time = isSame ? { fromMs: 0, toMs: Number.POSITIVE_INFINITY } : { fromMs, toMs }
    relist()
  }
  const draw = histogram(state, setTime)
  search.addEventListener('input', relist)
  classChoice.addEventListener('change', relist)
  onlyHost.addEventListener('change', relist)
  timeButton.addEventListener('click', () => setTime(time.fromMs, time.toMs))
  more.addEventListener('click', () => {
    limit += PAGE_LENGTH * 4
    list()
  })
  fillClasses(state, classChoice)
  return { draw, list: relist, introduce: () => introduce(state) }
}

/**
 * @param {State} state
 * @param {HTMLSelectElement} choice
 */
function fillClasses(state, choice) {
  const options = state.run.manifest.classes.map((name, i) => new Option(name, String(i)))
  choice.replaceChildren(new Option('all', '-1'), ...options)
}

/** @param {State} state */
function introduce(state) {
  const { moves, name } = state.policy
  const hint = element('moves-hint', HTMLParagraphElement)
  element('moves-controls', HTMLDivElement).hidden = moves.total === 0
  element('moves-frame', HTMLDivElement).hidden = moves.total === 0
  if (moves.total === 0) {
    hint.textContent = `${name} moved no VM.`
    return
  }
  const isReckoned = floats(state.run, moves.gain).some((gain) => Number.isFinite(gain))
  const money = isReckoned ? 'Gain and cost are in the policy’s currency.' : `${name} does not reckon gain and cost.`
  const kept =
    moves.kept < moves.total ? ` The list and the plot of one host hold the first ${amount(moves.kept)}.` : ''
  const what = `${counted(moves.total, 'move')}, counted per ${span(moves.binMs)}.`
  hint.textContent = `${what} A click or Enter on a bar filters the list. ${money}${kept}`
}

/**
 * @param {State} state
 * @param {Filter} filter
 * @param {number} limit
 */
function listMoves(state, filter, limit) {
  const found = findMoves(state, filter)
  const body = element('moves-rows', HTMLTableSectionElement)
  const decimals = moneyDecimals(state)
  body.replaceChildren(...found.slice(0, limit).map((move) => rowOfMove(state, move, decimals)))
  const more = element('moves-more', HTMLButtonElement)
  more.hidden = found.length <= limit
  more.textContent = `Show ${amount(Math.min(PAGE_LENGTH * 4, found.length - limit))} more`
  element('moves-count', HTMLParagraphElement).textContent = countInWords(state, found.length, limit)
}

/**
 * @param {State} state
 * @param {number} found
 * @param {number} limit
 */
function countInWords(state, found, limit) {
  const { total, kept } = state.policy.moves
  if (total === 0) return ''
  if (found === 0) return 'No move fits the filter.'
  return `${amount(Math.min(limit, found))} of ${counted(found, 'move')}${found < kept ? ' that fit' : ''}.`
}

/**
 * @param {State} state
 * @param {Filter} filter
 */
function findMoves(state, filter) {
  const { run, policy } = state
  const { moves } = policy
  const seconds = counts(run, moves.second)
  const classes = codes(run, moves.class)
  const from = counts(run, moves.from)
  const to = counts(run, moves.to)
  const vmName = counts(run, moves.vmName)
  const reason = counts(run, moves.reason)
  const textFits = moves.texts.map((text) => text.toLowerCase().includes(filter.text))
  const hostFits = run.manifest.hosts.map((text) => text.toLowerCase().includes(filter.text))
  /** @type {number[]} */
  const found = []
  for (let i = 0; i < moves.kept; i++) {
    const ms = seconds[i] * 1000
    if (ms < filter.fromMs || ms >= filter.toMs) continue
    if (filter.class >= 0 && classes[i] !== filter.class) continue
    if (filter.host !== undefined && from[i] !== filter.host && to[i] !== filter.host) continue
    if (textFits[vmName[i]] || textFits[reason[i]] || hostFits[from[i]] || hostFits[to[i]]) found.push(i)
  }
  return found
}

/**
 * @param {State} state
 * @param {number} move
 * @param {number} decimals
 */
function rowOfMove(state, move, decimals) {
  const { run, policy } = state
  const { moves } = policy
  const { manifest } = run
  const gain = floats(run, moves.gain)[move]
  const cost = floats(run, moves.cost)[move]
  const confidence = floats(run, moves.confidence)[move]
  const hostName = (/** @type {number} */ host) => manifest.hosts[host] ?? `host ${host}`
  const moveClass = manifest.classes[codes(run, moves.class)[move]]
  const sure = Number.isFinite(confidence) ? ` (${percent(confidence)})` : ''
  const row = document.createElement('tr')
  const cells = [
    ['time', clock(counts(run, moves.second)[move] * 1000, manifest.spanMs)],
    ['', moves.texts[counts(run, moves.vmName)[move]]],
    ['', `${hostName(counts(run, moves.from)[move])} → ${hostName(counts(run, moves.to)[move])}`],
    [`class class-${moveClass}`, moveClass],
    ['reason', moves.texts[counts(run, moves.reason)[move]]],
    ['number', money(gain, decimals)],
    ['number', money(cost, decimals)],
    ['', `${confidenceInWords(confidence)}${sure}`],
  ]
  for (const [name, text] of cells) {
    const cell = row.insertCell()
    if (name !== '') cell.className = name
    cell.textContent = text
  }
  return row
}

/**
 * As many decimals as show three digits of the largest gain or cost, so that the column lines up.
 * @param {State} state
 */
function moneyDecimals(state) {
  const { gain, cost } = state.policy.moves
  let largest = 0
  for (const column of [gain, cost]) {
    for (const value of floats(state.run, column)) if (Math.abs(value) > largest) largest = Math.abs(value)
  }
  return largest > 0 && largest < 1e12 ? Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(largest)))) : 0
}

/**
 * @param {number} value
 * @param {number} decimals
 */
function money(value, decimals) {
  return Number.isFinite(value) ? value.toFixed(decimals) : '–'
}
