import { codes, counts, element, loadCodes, loadOf } from './blob.js'
import {
  colour,
  drawHairline,
  drawTimeAxis,
  drawValueAxis,
  fillBand,
  fillLegend,
  openSheet,
  plotBox,
  strokeSeries,
} from './canvas.js'
import { coverage, coverageOfAll } from './coverage.js'
import { attachCursor } from './cursor.js'
import { columnAt } from './fleet.js'
import { amount, clock, counted, percent, span } from './words.js'
/** @import { State } from './blob.js' */
/** @import { Box } from './canvas.js' */
/** @import { Cell } from './cursor.js' */
/** @import { Column } from '../manifest.ts' */

const DEMAND_HEIGHT = 230
const LANE_HEIGHT = 34
const LANE_GAP = 8
const CONTENTION_GAP = 26
/** A host that never uses this share of its capacity is drawn without the line far above it. */
const FAR_FRACTION = 0.4
const CONTENTION_HEIGHT = 64

/**
 * One host's course, in reference cores. The forecasts are shifted to the time they speak of.
 * @typedef {object} Course
 * @property {string} name
 * @property {number} host
 * @property {number} capacity
 * @property {Float32Array} demand
 * @property {{ p50: Float32Array, p95: Float32Array, contention: Float32Array, lead: number } | undefined} forecast
 * @property {Map<number, { arrivals: number[], departures: number[] }>} moves
 */

/** @param {State} state */
export function hostPlot(state) {
  const canvas = element('host', HTMLCanvasElement)
  const leadChoice = element('lead-choice', HTMLSelectElement)
  const hostChoice = element('host-choice', HTMLSelectElement)
  /** @type {Course | undefined} */
  let course
  /** @type {Box} */
  let box = { left: 0, top: 0, width: 1, height: 1 }
  const draw = (/** @type {Cell | undefined} */ cell) => {
    if (course !== undefined) box = drawCourse(canvas, state, course, cell)
  }
  const columns = state.run.manifest.columns
  attachCursor(canvas, {
    size: () => ({ columns: course === undefined ? 0 : columns, rows: 1 }),
    cellAt: (x) => columnAt(box, columns, x),
    pointOf: (cell) => ({ x: box.left + ((cell.column + 0.5) / columns) * box.width, y: 30 }),
    describe: (cell) => (course === undefined ? [] : describeCourse(state, course, cell.column)),
    draw,
  })
  const show = () => {
    const isEmpty = state.policy.rows.length === 0
    canvas.hidden = isEmpty
    course = isEmpty ? undefined : courseOf(state, Number(leadChoice.value) || 1)
    hostChoice.value = String(state.row)
    element('host-hint', HTMLParagraphElement).textContent = hostHint(state, course)
    canvas.setAttribute('aria-label', `Demand of ${course?.name ?? 'no host'} over time. Arrow keys walk.`)
    fillHostKey(course)
    draw(undefined)
  }
  leadChoice.addEventListener('change', show)
  hostChoice.addEventListener('change', () => state.pickRow(Number(hostChoice.value)))
  return { show, fill: () => fillHostChoices(state, hostChoice, leadChoice) }
}

/**
 * Fills the two selectors for the chosen policy.
 * @param {State} state
 * @param {HTMLSelectElement} hostChoice
 * @param {HTMLSelectElement} leadChoice
 */
function fillHostChoices(state, hostChoice, leadChoice) {
  const { run, policy } = state
  const hosts = counts(run, policy.rows)
  const load = loadCodes(run, policy.load)
  const { columns, columnMs } = run.manifest
  hostChoice.replaceChildren(
    ...Array.from(hosts, (host, row) => {
      const on = load.subarray(row * columns, (row + 1) * columns).reduce((sum, code) => sum + (code > 0 ? 1 : 0), 0)
      return new Option(`${run.manifest.hosts[host]} (on ${percent(on / columns)})`, String(row))
    }),
  )
  hostChoice.disabled = hosts.length === 0
  const label = element('lead-label', HTMLLabelElement)
  label.hidden = policy.forecast === undefined
  if (policy.forecast === undefined) return
  const horizonLead = Math.max(1, Math.round(policy.forecast.horizonMs / columnMs))
  const leads = horizonLead > 1 ? [1, horizonLead] : [1]
  const chosen = leadChoice.value
  leadChoice.replaceChildren(...leads.map((lead) => new Option(`${span(lead * columnMs)} before`, String(lead))))
  if (leads.includes(Number(chosen))) leadChoice.value = chosen
}

/**
 * @param {State} state
 * @param {number} lead
 * @returns {Course}
 */
function courseOf(state, lead) {
  const { run, policy } = state
  const { manifest } = run
  const host = counts(run, policy.rows)[state.row]
  const capacity = manifest.hostCapacity[host]
  const start = state.row * manifest.columns
  const end = start + manifest.columns
  const cores = (/** @type {Column} */ column) =>
    Float32Array.from(loadCodes(run, column).subarray(start, end), (code) => loadOf(run, code) * capacity)
  const made = policy.forecast
  return {
    name: manifest.hosts[host],
    host,
    capacity,
    demand: cores(policy.load),
    forecast: made && {
      lead,
      p50: later(cores(made.p50), lead),
      p95: later(cores(made.p95), lead),
      contention: Float32Array.from(codes(run, made.contention).subarray(start, end), (code) =>
        code === 0 ? Number.NaN : (code - 1) / 254,
      ),
    },
    moves: movesOf(state, host),
  }
}

/**
 * @param {Float32Array} values
 * @param {number} lead
 */
function later(values, lead) {
  return Float32Array.from(values, (_, i) => (i < lead ? Number.NaN : values[i - lead]))
}

/**
 * @param {State} state
 * @param {number} host
 */
function movesOf(state, host) {
  const { run, policy } = state
  /** @type {Course['moves']} */
  const byColumn = new Map()
  const seconds = counts(run, policy.moves.second)
  const from = counts(run, policy.moves.from)
  const to = counts(run, policy.moves.to)
  seconds.forEach((second, i) => {
    if (from[i] !== host && to[i] !== host) return
    const column = Math.min(run.manifest.columns - 1, Math.floor((second * 1000) / run.manifest.columnMs))
    const here = byColumn.get(column) ?? { arrivals: [], departures: [] }
    if (to[i] === host) here.arrivals.push(i)
    else here.departures.push(i)
    byColumn.set(column, here)
  })
  return byColumn
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 * @param {Course} course
 * @param {Cell | undefined} cell
 * @returns {Box} Where the columns lie.
 */
function drawCourse(canvas, state, course, cell) {
  const withContention = course.forecast !== undefined
  const below = withContention ? CONTENTION_HEIGHT + CONTENTION_GAP : 0
  const height = 8 + DEMAND_HEIGHT + LANE_GAP + LANE_HEIGHT + below + 26
  const { context, width } = openSheet(canvas, height)
  const box = plotBox(width, 8, DEMAND_HEIGHT)
  const lane = plotBox(width, box.top + box.height + LANE_GAP, LANE_HEIGHT)
  drawDemand(context, box, course)
  drawLane(context, lane, course)
  let last = lane
  if (course.forecast !== undefined) {
    last = plotBox(width, lane.top + lane.height + CONTENTION_GAP, CONTENTION_HEIGHT)
    drawContention(context, last, course.forecast.contention)
  }
  drawTimeAxis(context, last, state.run.manifest.spanMs)
  const whole = { ...box, height: last.top + last.height - box.top }
  if (cell !== undefined)
    drawHairline(context, whole, box.left + ((cell.column + 0.5) / course.demand.length) * box.width)
  return whole
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Course} course
 */
function drawDemand(context, box, course) {
  const { demand, forecast, capacity } = course
  const used = Math.max(highest(demand), Math.min(capacity * 1.5, forecast ? highest(forecast.p95) : 0))
  const isFar = used > 0 && used < capacity * FAR_FRACTION
  const top = drawValueAxis(context, box, { max: (isFar ? used : Math.max(used, capacity)) * 1.06, ticks: 5 })
  context.save()
  context.beginPath()
  context.rect(box.left, box.top, box.width, box.height)
  context.clip()
  if (forecast !== undefined) {
    context.fillStyle = colour('band')
    fillBand(context, box, { low: forecast.p50, high: forecast.p95, top })
    context.strokeStyle = colour('band-line')
    context.lineWidth = 1
    strokeSeries(context, box, forecast.p95, top)
    context.setLineDash([4, 3])
    strokeSeries(context, box, forecast.p50, top)
    context.setLineDash([])
  }
  const above = demand.map((value) => (Number.isNaN(value) ? value : Math.max(value, capacity)))
  context.fillStyle = colour('over')
  fillBand(context, box, { low: demand.map((value) => (Number.isNaN(value) ? value : capacity)), high: above, top })
  context.strokeStyle = colour('ink')
  context.lineWidth = 1.75
  context.lineJoin = 'round'
  strokeSeries(context, box, demand, top)
  context.restore()
  drawCapacity(context, box, { capacity, top, isFar })
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {{ capacity: number, top: number, isFar: boolean }} line
 */
function drawCapacity(context, box, { capacity, top, isFar }) {
  const y = Math.round(box.top + box.height * (1 - capacity / top)) + 0.5
  if (!isFar) {
    context.strokeStyle = colour('over')
    context.lineWidth = 1.25
    context.beginPath()
    context.moveTo(box.left, y)
    context.lineTo(box.left + box.width, y)
    context.stroke()
  }
  const text = isFar ? `↑ capacity ${amount(capacity)}, far above this plot` : `capacity ${amount(capacity)}`
  const place = { x: box.left + box.width - 2, y: isFar ? box.top + 14 : y - 2 }
  context.textAlign = 'right'
  context.textBaseline = 'bottom'
  context.strokeStyle = colour('sheet')
  context.lineWidth = 3
  context.strokeText(text, place.x, place.y)
  context.fillStyle = colour('over-text')
  context.fillText(text, place.x, place.y)
}

/** @param {Float32Array} values */
function highest(values) {
  return values.reduce((most, value) => (value > most ? value : most), 0)
}

/**
 * Arrivals above, departures below.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} lane
 * @param {Course} course
 */
function drawLane(context, lane, course) {
  context.fillStyle = colour('muted')
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  const rows = { arrivals: lane.top + 11, departures: lane.top + 25 }
  context.fillText('in', lane.left - 8, rows.arrivals)
  context.fillText('out', lane.left - 8, rows.departures)
  for (const [column, here] of course.moves) {
    const x = lane.left + ((column + 0.5) / course.demand.length) * lane.width
    if (here.arrivals.length > 0) {
      context.fillStyle = colour('arrival')
      triangle(context, { x, y: rows.arrivals, up: true }, here.arrivals.length)
      context.fill()
    }
    if (here.departures.length > 0) {
      context.strokeStyle = colour('departure')
      context.lineWidth = 1.5
      triangle(context, { x, y: rows.departures, up: false }, here.departures.length)
      context.stroke()
    }
  }
}

/**
 * Larger where several VMs moved at once.
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number, up: boolean }} at
 * @param {number} count
 */
function triangle(context, { x, y, up }, count) {
  const size = Math.min(6.5, 3 + count * 0.9)
  const tip = up ? -size : size
  context.beginPath()
  context.moveTo(x, y + tip)
  context.lineTo(x - size, y - tip * 0.8)
  context.lineTo(x + size, y - tip * 0.8)
  context.closePath()
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Float32Array} contention
 */
function drawContention(context, box, contention) {
  drawValueAxis(context, box, { max: 1, ticks: 2, format: percent })
  context.fillStyle = colour('contention')
  const zero = contention.map((value) => (Number.isNaN(value) ? value : 0))
  fillBand(context, box, { low: zero, high: contention, top: 1 })
  context.fillStyle = colour('muted')
  context.textAlign = 'left'
  context.textBaseline = 'bottom'
  context.fillText('Probability of contention within the horizon', box.left, box.top - 5)
}

/**
 * @param {State} state
 * @param {Course} course
 * @param {number} column
 */
function describeCourse(state, course, column) {
  const { manifest } = state.run
  const demand = course.demand[column]
  const lines = [`${course.name}, ${clock(column * manifest.columnMs, manifest.spanMs)}`]
  lines.push(
    Number.isNaN(demand)
      ? 'off'
      : `demand ${amount(demand)} of ${amount(course.capacity)} (${percent(demand / course.capacity)})`,
  )
  const forecast = course.forecast
  if (forecast !== undefined && !Number.isNaN(forecast.p50[column])) {
    lines.push(`forecast p50 ${amount(forecast.p50[column])}, p95 ${amount(forecast.p95[column])}`)
  }
  if (forecast !== undefined && !Number.isNaN(forecast.contention[column])) {
    lines.push(`contention ahead: ${percent(forecast.contention[column])}`)
  }
  const here = course.moves.get(column)
  if (here !== undefined) {
    const texts = state.policy.moves.texts
    const names = counts(state.run, state.policy.moves.vmName)
    const list = (/** @type {number[]} */ moves) =>
      moves
        .slice(0, 3)
        .map((i) => texts[names[i]])
        .join(', ') + (moves.length > 3 ? ` and ${moves.length - 3} more` : '')
    if (here.arrivals.length > 0) lines.push(`in: ${list(here.arrivals)}`)
    if (here.departures.length > 0) lines.push(`out: ${list(here.departures)}`)
  }
  return lines
}

/**
 * @param {State} state
 * @param {Course | undefined} course
 */
function hostHint(state, course) {
  if (course === undefined) return `Under ${state.policy.name} no host ever carried a VM.`
  let moves = 0
  for (const here of course.moves.values()) moves += here.arrivals.length + here.departures.length
  const over = course.demand.reduce((sum, value) => sum + (value > course.capacity ? 1 : 0), 0)
  const happened = `${counted(moves, 'move')} in or out, ${counted(over, 'step')} of overload`
  const events = `${course.name}, in reference cores: ${happened}.`
  if (course.forecast === undefined) return `${events} ${state.policy.name} makes no forecast, so there is no band.`
  const own = coverage(course.demand, course.forecast.p95)
  const all = coverageOfAll(state, course.forecast.lead)
  if (all.steps === 0) return `${events} No forecast speaks of a time that was observed.`
  const here = own.steps === 0 ? '' : `${percent(own.held / own.steps)} of this host’s steps and `
  return (
    `${events} Demand stayed at or below the p95 forecast in ${here}${percent(all.held / all.steps)} ` +
    'of all hosts’ steps (95 % would be exact; moves made since the forecast are not in it).'
  )
}

/** @param {Course | undefined} course */
function fillHostKey(course) {
  const always = [
    { mark: 'key-line demand', text: 'demand' },
    { mark: 'key-line capacity', text: 'capacity' },
    { mark: 'swatch over', text: 'demand above capacity' },
    { mark: 'key-in', text: 'VM moves in' },
    { mark: 'key-out', text: 'VM moves out' },
  ]
  const forecast = [
    { mark: 'swatch band', text: 'forecast, p50 (dashed) to p95' },
    { mark: 'swatch contention', text: 'probability of contention' },
  ]
  fillLegend(element('host-key', HTMLDivElement), course?.forecast === undefined ? always : [...always, ...forecast])
}
