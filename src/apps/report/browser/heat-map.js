import { counts, element, loadCodes, loadOf } from './blob.js'
import { colour, drawTimeAxis, openSheet, plotBox } from './canvas.js'
import { attachCursor } from './cursor.js'
import { drawHeatKey, heatColours } from './heat-colours.js'
import { amount, clock, counted, percent } from './words.js'
/** @import { State } from './blob.js' */
/** @import { Box } from './canvas.js' */
/** @import { Cell } from './cursor.js' */

/** More rows than this are put together: no screen shows them apart. */
const HEAT_ROWS_MAX = 400
/** Below this load at the busiest, people may stretch the colours to see anything at all. */
const HEAT_PALE_FRACTION = 0.6

/**
 * The picture of one policy: the highest load of the hosts and columns that share a cell.
 * @typedef {object} Heat
 * @property {number} rows
 * @property {number} columns
 * @property {number} hostsPerRow
 * @property {Uint16Array} cells
 * @property {number} full The load the ramp ends at: 1, unless stretched.
 * @property {number} busiest
 * @property {Box} box
 * @property {HTMLCanvasElement} image
 */

/** @param {State} state */
export function heatMap(state) {
  const canvas = element('heat', HTMLCanvasElement)
  /** @type {Heat | undefined} */
  let heat
  const draw = (/** @type {Cell | undefined} */ cell) => {
    if (heat !== undefined) drawHeat(canvas, state, heat, cell)
  }
  attachCursor(canvas, {
    size: () => ({ columns: heat?.columns ?? 0, rows: heat?.rows ?? 0 }),
    cellAt: (x, y) => heat && cellIn(heat, x, y),
    pointOf: (cell) => (heat === undefined ? { x: 0, y: 0 } : centreOf(heat, cell)),
    describe: (cell) => (heat === undefined ? [] : describeHeat(state, heat, cell)),
    draw,
    pick: (cell) => heat && state.pickRow(cell.row * heat.hostsPerRow),
  })
  const stretch = element('heat-stretch', HTMLInputElement)
  const show = () => {
    canvas.hidden = state.policy.rows.length === 0
    heat = layHeat(canvas, state, stretch.checked)
    element('heat-stretch-label', HTMLLabelElement).hidden = !(heat.busiest < HEAT_PALE_FRACTION)
    element('heat-stretch-text', HTMLSpanElement).textContent =
      `stretch colours to the busiest, ${percent(heat.busiest)}`
    element('heat-hint', HTMLParagraphElement).textContent = hintOf(state, heat)
    canvas.setAttribute(
      'aria-label',
      `Load of ${counted(heat.rows, 'row')} of hosts over ${counted(heat.columns, 'column')} of time`,
    )
    drawHeatKey(heat.full)
    draw(undefined)
  }
  stretch.addEventListener('change', show)
  return show
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 * @param {boolean} isStretched
 * @returns {Heat}
 */
function layHeat(canvas, state, isStretched) {
  const { run, policy } = state
  const hosts = policy.rows.length
  const hostsPerRow = Math.max(1, Math.ceil(hosts / HEAT_ROWS_MAX))
  const rows = Math.ceil(hosts / hostsPerRow)
  const rowHeight = rows <= 12 ? 22 : Math.max(1, Math.min(14, Math.floor(440 / Math.max(1, rows))))
  const width = Math.max(160, canvas.clientWidth)
  const box = plotBox(width, 8, rows * rowHeight)
  const columns = Math.max(1, Math.min(run.manifest.columns, Math.floor(box.width)))
  const cells = new Uint16Array(rows * columns)
  const load = loadCodes(run, policy.load)
  for (let host = 0; host < hosts; host++) {
    const rowStart = Math.floor(host / hostsPerRow) * columns
    for (let i = 0; i < run.manifest.columns; i++) {
      const cell = rowStart + Math.floor((i * columns) / run.manifest.columns)
      cells[cell] = Math.max(cells[cell], load[host * run.manifest.columns + i])
    }
  }
  const busiest = loadOf(
    run,
    cells.reduce((most, code) => Math.max(most, code), 1),
  )
  const full = isStretched && busiest > 0 && busiest < HEAT_PALE_FRACTION ? busiest : 1
  const colourOf = heatColours(full)
  const image = paintHeat({ rows, columns }, (cell) => colourOf(loadOf(run, cells[cell])))
  return { rows, columns, hostsPerRow, cells, full, busiest, box, image }
}

/**
 * @param {{ rows: number, columns: number }} size
 * @param {(cell: number) => readonly number[]} colourOf
 */
function paintHeat({ rows, columns }, colourOf) {
  const image = document.createElement('canvas')
  image.width = columns
  image.height = Math.max(1, rows)
  const context = image.getContext('2d')
  if (context === null || rows === 0) return image
  const pixels = context.createImageData(columns, rows)
  for (let cell = 0; cell < rows * columns; cell++) pixels.data.set(colourOf(cell), cell * 4)
  context.putImageData(pixels, 0, 0)
  return image
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 * @param {Heat} heat
 * @param {Cell | undefined} cell
 */
function drawHeat(canvas, state, heat, cell) {
  const { box } = heat
  const { context } = openSheet(canvas, box.height + 34)
  context.imageSmoothingEnabled = false
  if (heat.rows > 0) context.drawImage(heat.image, box.left, box.top, box.width, box.height)
  drawRowNames(context, state, heat)
  drawTimeAxis(context, box, state.run.manifest.spanMs)
  const rowHeight = box.height / Math.max(1, heat.rows)
  const chosen = Math.floor(state.row / heat.hostsPerRow)
  context.fillStyle = colour('accent')
  context.beginPath()
  const y = box.top + (chosen + 0.5) * rowHeight
  context.moveTo(box.left - 1, y)
  context.lineTo(box.left - 7, y - 4)
  context.lineTo(box.left - 7, y + 4)
  context.fill()
  if (cell === undefined) return
  const point = centreOf(heat, cell)
  context.strokeStyle = colour('ink')
  context.lineWidth = 1
  const cellWidth = Math.max(5, box.width / heat.columns)
  context.strokeRect(box.left - 0.5, point.y - rowHeight / 2 - 0.5, box.width + 1, rowHeight + 1)
  context.lineWidth = 2
  context.strokeRect(point.x - cellWidth / 2 - 1, point.y - rowHeight / 2 - 2, cellWidth + 2, rowHeight + 4)
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {State} state
 * @param {Heat} heat
 */
function drawRowNames(context, state, heat) {
  const { box } = heat
  const rowHeight = box.height / Math.max(1, heat.rows)
  const every = heat.rows <= 12 ? 1 : Math.ceil(44 / rowHeight)
  context.fillStyle = colour('muted')
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  const rows = counts(state.run, state.policy.rows)
  for (let row = 0; row < heat.rows; row += every) {
    const name = state.run.manifest.hosts[rows[row * heat.hostsPerRow]]
    context.fillText(shorten(context, name, box.left - 14), box.left - 10, box.top + (row + 0.5) * rowHeight)
  }
}

/**
 * The end of a name tells hosts apart; what comes before it is mostly the same.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} width
 */
function shorten(context, name, width) {
  if (context.measureText(name).width <= width) return name
  let end = name.slice(-24)
  while (end.length > 1 && context.measureText(`…${end}`).width > width) end = end.slice(1)
  return `…${end}`
}

/**
 * @param {Heat} heat
 * @param {number} x
 * @param {number} y
 * @returns {Cell | undefined}
 */
function cellIn(heat, x, y) {
  const column = Math.floor(((x - heat.box.left) / heat.box.width) * heat.columns)
  const row = Math.floor(((y - heat.box.top) / heat.box.height) * heat.rows)
  const isInside = column >= 0 && row >= 0 && column < heat.columns && row < heat.rows
  return isInside ? { column, row } : undefined
}

/**
 * @param {Heat} heat
 * @param {Cell} cell
 */
function centreOf(heat, cell) {
  return {
    x: heat.box.left + ((cell.column + 0.5) / heat.columns) * heat.box.width,
    y: heat.box.top + ((cell.row + 0.5) / heat.rows) * heat.box.height,
  }
}

/**
 * @param {State} state
 * @param {Heat} heat
 * @param {Cell} cell
 */
function describeHeat(state, heat, cell) {
  const { manifest } = state.run
  const hosts = counts(state.run, state.policy.rows)
  const first = cell.row * heat.hostsPerRow
  const last = Math.min(hosts.length, first + heat.hostsPerRow) - 1
  const names =
    first === last ? manifest.hosts[hosts[first]] : `${manifest.hosts[hosts[first]]} and ${last - first} more`
  const code = heat.cells[cell.row * heat.columns + cell.column]
  const load = loadOf(state.run, code)
  const time = clock((cell.column / heat.columns) * manifest.spanMs, manifest.spanMs)
  if (code === 0) return [names, time, 'off']
  const capacity =
    first === last ? ` of ${amount(manifest.hostCapacity[hosts[first]])} reference cores` : ' at the highest'
  const over = load > 1 ? ' – overloaded' : ''
  return [names, time, `${percent(load)}${capacity}${over}`]
}

/**
 * @param {State} state
 * @param {Heat} heat
 */
function hintOf(state, heat) {
  const { manifest } = state.run
  const hosts = state.policy.rows.length
  if (hosts === 0) return `Under ${state.policy.name} no host ever carried a VM.`
  const off = manifest.hosts.length - hosts
  const never =
    off > 0 ? ` ${counted(off, 'host')} stayed off throughout and ${off === 1 ? 'is' : 'are'} left out.` : ''
  const rows = heat.hostsPerRow > 1 ? `One row per ${heat.hostsPerRow} hosts, showing the fullest` : 'One row per host'
  const thinned =
    heat.columns < manifest.columns || manifest.stepsPerColumn > 1 ? ' Each column shows the highest of its steps.' : ''
  const over = loadCodes(state.run, state.policy.load).reduce(
    (sum, code) => sum + (loadOf(state.run, code) > 1 ? 1 : 0),
    0,
  )
  const much = over === 0 ? 'No overload' : `${counted(over, 'host-step')} of overload`
  const overloads = `${much} under ${state.policy.name}.`
  return (
    `${rows}, longest on at the top. ${overloads}${never}${thinned} ` +
    'Arrow keys walk, Enter or a click shows the host below.'
  )
}
