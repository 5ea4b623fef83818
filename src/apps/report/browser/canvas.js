import { amount, clock } from './words.js'

/** @typedef {{ left: number, top: number, width: number, height: number }} Box */
/** @typedef {{ context: CanvasRenderingContext2D, width: number, height: number }} Sheet */

const RIGHT_MARGIN = 20

/**
 * A colour of the style sheet, which knows light from dark.
 * @param {string} name
 */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/**
 * Clears the canvas and fits it to its place and to the screen's pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @returns {Sheet}
 */
export function openSheet(canvas, height) {
  canvas.style.height = `${height}px`
  const width = Math.max(160, canvas.clientWidth)
  const ratio = window.devicePixelRatio || 1
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('This browser draws no canvas.')
  context.scale(ratio, ratio)
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`
  return { context, width, height }
}

/**
 * The part of a sheet that data fills. The same margins in all plots, so that one time stands at one place.
 * @param {number} sheetWidth
 * @param {number} top
 * @param {number} height
 * @returns {Box}
 */
export function plotBox(sheetWidth, top, height) {
  const left = sheetWidth < 600 ? 46 : sheetWidth < 900 ? 72 : 124
  return { left, top, width: sheetWidth - left - RIGHT_MARGIN, height }
}

const TICKS_MS = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 5760, 11520, 23040, 46080].map(
  (m) => m * 60_000,
)

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {number} spanMs
 */
export function drawTimeAxis(context, box, spanMs) {
  const wanted = (spanMs * 66) / box.width
  const tickMs = TICKS_MS.find((ms) => ms >= wanted) ?? Math.ceil(wanted / TICKS_MS[10]) * TICKS_MS[10]
  const bottom = box.top + box.height
  context.fillStyle = colour('muted')
  context.strokeStyle = colour('axis')
  context.lineWidth = 1
  context.textAlign = 'center'
  context.textBaseline = 'top'
  context.beginPath()
  for (let ms = 0; ms <= spanMs * 1.0001; ms += tickMs) {
    const x = Math.round(box.left + (ms / spanMs) * box.width) + 0.5
    context.moveTo(x, bottom)
    context.lineTo(x, bottom + 4)
    const isMidnight = ms % 86_400_000 === 0 && spanMs > 86_400_000
    const text = isMidnight ? `day ${ms / 86_400_000 + 1}` : clock(ms, 0)
    const isEndOfDay = ms === spanMs && ms % 86_400_000 === 0
    const end = spanMs === 86_400_000 ? '24:00' : ''
    context.fillText(isEndOfDay ? end : text, x, bottom + 6)
  }
  context.moveTo(box.left, bottom + 0.5)
  context.lineTo(box.left + box.width, bottom + 0.5)
  context.stroke()
}

/**
 * Whole numbers or shares up to a round number at or above the highest value; returns that number.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {{ max: number, ticks: number, whole?: boolean, format?: (value: number) => string }} axis
 */
export function drawValueAxis(context, box, axis) {
  const step = roundStep(axis.max / axis.ticks, axis.whole === true)
  const top = Math.max(step, axis.max)
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  context.lineWidth = 1
  for (let value = 0; value <= top * 1.0001; value += step) {
    const y = Math.round(box.top + box.height * (1 - value / top)) + 0.5
    context.strokeStyle = colour('grid')
    context.beginPath()
    context.moveTo(box.left, y)
    context.lineTo(box.left + box.width, y)
    context.stroke()
    context.fillStyle = colour('muted')
    context.fillText((axis.format ?? amount)(value), box.left - 8, y)
  }
  return top
}

/**
 * @param {number} least
 * @param {boolean} isWhole
 */
function roundStep(least, isWhole) {
  if (!(least > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  const step = ([1, 2, 5, 10].find((digit) => digit * power >= least * 0.9999) ?? 10) * power
  return isWhole ? Math.max(1, Math.round(step)) : step
}

/**
 * Draws values as a line with steps, one per column; NaN leaves a gap.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {ArrayLike<number>} values
 * @param {number} top
 */
export function strokeSeries(context, box, values, top) {
  context.beginPath()
  let isDown = false
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (Number.isNaN(value)) {
      isDown = false
      continue
    }
    const x = box.left + ((i + 0.5) / values.length) * box.width
    const y = box.top + box.height * (1 - Math.min(value / top, 1.05))
    if (isDown) context.lineTo(x, y)
    else context.moveTo(x, y)
    // A lone value between two gaps is seen only if the line has some length.
    if (!isDown && Number.isNaN(values[i + 1] ?? Number.NaN)) context.lineTo(x + 1.5, y)
    isDown = true
  }
  context.stroke()
}

/**
 * Fills between two series, span by span of columns in which both have a value.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {{ low: ArrayLike<number>, high: ArrayLike<number>, top: number }} band
 */
export function fillBand(context, box, { low, high, top }) {
  const columns = high.length
  const x = (/** @type {number} */ i) => box.left + ((i + 0.5) / columns) * box.width
  const y = (/** @type {number} */ value) => box.top + box.height * (1 - Math.min(value / top, 1.05))
  let start = 0
  while (start < columns) {
    let end = start
    while (end < columns && !Number.isNaN(low[end] + high[end])) end++
    if (end > start) {
      context.beginPath()
      for (let i = start; i < end; i++) context.lineTo(x(i), y(high[i]))
      for (let i = end - 1; i >= start; i--) context.lineTo(x(i), y(low[i]))
      context.closePath()
      context.fill()
    }
    start = end + 1
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {number} x
 */
export function drawHairline(context, box, x) {
  context.strokeStyle = colour('ink')
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(Math.round(x) + 0.5, box.top)
  context.lineTo(Math.round(x) + 0.5, box.top + box.height)
  context.stroke()
}

/**
 * A legend from samples and words; `mark` names a class of the style sheet.
 * @param {HTMLElement} place
 * @param {readonly { mark: string, text: string }[]} entries
 */
export function fillLegend(place, entries) {
  place.replaceChildren(
    ...entries.map(({ mark, text }) => {
      const item = document.createElement('span')
      const sample = document.createElement('i')
      sample.className = mark
      item.append(sample, text)
      return item
    }),
  )
}
