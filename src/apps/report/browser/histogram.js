import { counts, element } from './blob.js'
import { colour, drawTimeAxis, drawValueAxis, fillLegend, openSheet, plotBox } from './canvas.js'
import { attachCursor } from './cursor.js'
import { columnAt } from './fleet.js'
import { clock, counted } from './words.js'
/** @import { State } from './blob.js' */
/** @import { Box } from './canvas.js' */
/** @import { Cell } from './cursor.js' */

const HISTOGRAM_HEIGHT = 190

/** @typedef {{ bins: number, binMs: number, tallies: Uint32Array[], fromMs?: number }} Bins */

/**
 * Moves per quarter of an hour, stacked by class; a click or Enter keeps the list below to one bar.
 * @param {State} state
 * @param {(fromMs: number, toMs: number) => void} pickTime
 */
export function histogram(state, pickTime) {
  const canvas = element('histogram', HTMLCanvasElement)
  /** @type {Bins} */
  let bins = { bins: 0, binMs: 1, tallies: [] }
  /** @type {Box} */
  let box = { left: 0, top: 0, width: 1, height: 1 }
  const draw = (/** @type {Cell | undefined} */ cell) => {
    box = drawHistogram(canvas, state, bins, cell)
  }
  attachCursor(canvas, {
    size: () => ({ columns: bins.bins, rows: 1 }),
    cellAt: (x) => columnAt(box, bins.bins, x),
    pointOf: (cell) => ({ x: box.left + ((cell.column + 0.5) / bins.bins) * box.width, y: 20 }),
    describe: (cell) => describeBin(state, bins, cell.column),
    draw,
    pick: (cell) => pickTime(cell.column * bins.binMs, (cell.column + 1) * bins.binMs),
  })
  return () => {
    canvas.hidden = state.policy.moves.total === 0
    if (canvas.hidden) return fillLegend(element('moves-key', HTMLDivElement), [])
    bins = gatherBins(state, canvas)
    const used = state.run.manifest.classes.filter((_, i) => bins.tallies[i].some((count) => count > 0))
    fillLegend(
      element('moves-key', HTMLDivElement),
      used.map((name) => ({ mark: `swatch class-${name}`, text: name })),
    )
    canvas.setAttribute(
      'aria-label',
      `Moves per bar of time under ${state.policy.name}, by class. Arrow keys walk, Enter filters.`,
    )
    draw(undefined)
  }
}

/**
 * Quarters of an hour, several to a bar where the run is too long for bars of three pixels.
 * @param {State} state
 * @param {HTMLCanvasElement} canvas
 * @returns {Bins}
 */
function gatherBins(state, canvas) {
  const { run, policy } = state
  const fine = counts(run, policy.moves.histogram)
  const fineBins = fine.length / run.manifest.classes.length
  const width = plotBox(canvas.clientWidth, 0, 0).width
  const together = Math.max(1, Math.ceil((fineBins * 3) / Math.max(1, width)))
  const bins = Math.ceil(fineBins / together)
  const tallies = run.manifest.classes.map((_, i) => {
    const tally = new Uint32Array(bins)
    for (let bin = 0; bin < fineBins; bin++) tally[Math.floor(bin / together)] += fine[i * fineBins + bin]
    return tally
  })
  return { bins, binMs: policy.moves.binMs * together, tallies }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 * @param {Bins} bins
 * @param {Cell | undefined} cell
 */
function drawHistogram(canvas, state, bins, cell) {
  const { context, width } = openSheet(canvas, HISTOGRAM_HEIGHT)
  const plot = plotBox(width, 8, HISTOGRAM_HEIGHT - 34)
  const { spanMs, classes } = state.run.manifest
  // The last bar may reach beyond the end of the run; bars keep the time axis of the other plots.
  const box = { ...plot, width: (plot.width * bins.bins * bins.binMs) / spanMs }
  const total = (/** @type {number} */ bin) => bins.tallies.reduce((sum, tally) => sum + tally[bin], 0)
  const highest = Array.from({ length: bins.bins }, (_, bin) => total(bin)).reduce((a, b) => Math.max(a, b), 1)
  const top = drawValueAxis(context, plot, { max: highest, ticks: 4, whole: true })
  const barWidth = box.width / bins.bins
  const gap = barWidth > 5 ? 1 : 0
  if (cell !== undefined) {
    context.fillStyle = colour('grid')
    context.fillRect(box.left + cell.column * barWidth, box.top, barWidth, box.height)
  }
  for (let bin = 0; bin < bins.bins; bin++) {
    let below = 0
    bins.tallies.forEach((tally, i) => {
      if (tally[bin] === 0) return
      const height = (tally[bin] / top) * box.height
      context.fillStyle = colour(`class-${classes[i]}`)
      context.fillRect(box.left + bin * barWidth, box.top + box.height - below - height, barWidth - gap, height)
      below += height
    })
  }
  drawTimeAxis(context, plot, spanMs)
  return box
}

/**
 * @param {State} state
 * @param {Bins} bins
 * @param {number} bin
 */
function describeBin(state, bins, bin) {
  const { spanMs, classes } = state.run.manifest
  const from = clock(bin * bins.binMs, spanMs)
  const to = clock((bin + 1) * bins.binMs, spanMs)
  const lines = bins.tallies.flatMap((tally, i) => (tally[bin] > 0 ? [`${classes[i]}: ${tally[bin]}`] : []))
  const total = bins.tallies.reduce((sum, tally) => sum + tally[bin], 0)
  return [`${from} to ${to}`, counted(total, 'move'), ...(lines.length > 1 || total > 0 ? lines : [])]
}
