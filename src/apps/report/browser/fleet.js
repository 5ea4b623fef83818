import { element, floats } from './blob.js'
import { colour, drawHairline, drawTimeAxis, drawValueAxis, openSheet, plotBox, strokeSeries } from './canvas.js'
import { attachCursor } from './cursor.js'
import { amount, clock } from './words.js'
/** @import { State, Run } from './blob.js' */
/** @import { Box } from './canvas.js' */
/** @import { Cell } from './cursor.js' */
/** @import { PolicyManifest } from '../manifest.ts' */

const FLEET_HEIGHT = { on: 210, over: 110 }
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2]]
/** A policy with this many times the hosts of the least would flatten the others: hidden at first. */
const FLATTENING_RATIO = 4

/**
 * One line per policy, in two plots that share their legend.
 * @param {State} state
 */
export function fleetPlots(state) {
  const { manifest } = state.run
  const shown = firstShown(state.run)
  const hidden = manifest.policies.filter((_, i) => !shown[i]).map((policy) => policy.name)
  const why = `Switched off at first, as it would flatten the other lines: ${hidden.join(', ')}.`
  element('fleet-hint', HTMLSpanElement).textContent = hidden.length > 0 ? why : ''
  const plots = [
    fleetPlot(state, shown, {
      id: 'fleet-on',
      height: FLEET_HEIGHT.on,
      name: 'Hosts carrying VMs',
      pick: (p) => p.hostsOn,
    }),
    fleetPlot(state, shown, {
      id: 'fleet-over',
      height: FLEET_HEIGHT.over,
      name: 'Overloaded hosts',
      pick: (p) => p.hostsOverloaded,
    }),
  ]
  const draw = () => plots.forEach((plot) => plot())
  element('fleet-legend', HTMLDivElement).replaceChildren(
    ...manifest.policies.map((policy, i) => legendChoice({ policy, index: i, shown, draw })),
  )
  return draw
}

/**
 * @param {Run} run
 * @returns {boolean[]}
 */
function firstShown(run) {
  const means = run.manifest.policies.map((policy) => {
    const on = floats(run, policy.hostsOn)
    return on.reduce((sum, count) => sum + count, 0) / Math.max(1, on.length)
  })
  const least = Math.min(...means.filter((mean) => mean > 0))
  return means.map((mean) => !(mean > FLATTENING_RATIO * least))
}

/**
 * @param {{ policy: PolicyManifest, index: number, shown: boolean[], draw: () => void }} choice
 */
function legendChoice({ policy, index, shown, draw }) {
  const label = document.createElement('label')
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.checked = shown[index]
  box.addEventListener('change', () => {
    shown[index] = box.checked
    draw()
  })
  const sample = document.createElement('canvas')
  sample.className = 'line-sample'
  sample.width = 56
  sample.height = 8
  const paint = () => paintSample(sample, policy, index)
  paint()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint)
  label.append(box, sample, policy.name)
  return label
}

/**
 * @param {HTMLCanvasElement} sample
 * @param {PolicyManifest} policy
 * @param {number} index
 */
function paintSample(sample, policy, index) {
  const context = sample.getContext('2d')
  if (context === null) return
  context.clearRect(0, 0, 56, 8)
  context.save()
  context.scale(2, 2)
  styleLine(context, policy, index)
  context.beginPath()
  context.moveTo(0, 2)
  context.lineTo(28, 2)
  context.stroke()
  context.restore()
}

/**
 * Told apart by colour and by dashes, ours by weight as well.
 * @param {CanvasRenderingContext2D} context
 * @param {PolicyManifest} policy
 * @param {number} index
 */
function styleLine(context, policy, index) {
  const isOurs = policy.kind === 'ours'
  context.lineWidth = isOurs ? 2.5 : 1.5
  context.setLineDash(isOurs ? [] : DASHES[index % DASHES.length])
  const name = policy.kind === 'oracle' ? 'muted' : `line-${index % 6}`
  context.strokeStyle = colour(isOurs && index === 0 ? 'accent' : name)
}

/** @typedef {(policy: PolicyManifest) => PolicyManifest['hostsOn']} Series */

/**
 * @param {State} state
 * @param {boolean[]} shown
 * @param {{ id: string, height: number, name: string, pick: Series }} plot
 */
function fleetPlot(state, shown, plot) {
  const canvas = element(plot.id, HTMLCanvasElement)
  const { run } = state
  const { manifest } = run
  /** @type {Box} */
  let box = { left: 0, top: 0, width: 1, height: 1 }
  const xOf = (/** @type {number} */ column) => box.left + ((column + 0.5) / manifest.columns) * box.width
  const draw = (/** @type {Cell | undefined} */ cell) => {
    const { context, width } = openSheet(canvas, plot.height)
    box = plotBox(width, 8, plot.height - 34)
    const lines = manifest.policies.map((policy) => floats(run, plot.pick(policy)))
    const max = lines.reduce((most, line, i) => (shown[i] ? line.reduce((a, b) => Math.max(a, b), most) : most), 0)
    const top = drawValueAxis(context, box, {
      max: Math.max(1, max * 1.03),
      ticks: plot.height > 150 ? 5 : 3,
      whole: true,
    })
    drawTimeAxis(context, box, manifest.spanMs)
    for (let i = lines.length - 1; i >= 0; i--) {
      if (!shown[i]) continue
      styleLine(context, manifest.policies[i], i)
      strokeSeries(context, box, lines[i], top)
    }
    context.setLineDash([])
    if (cell !== undefined) drawHairline(context, box, xOf(cell.column))
  }
  attachCursor(canvas, {
    size: () => ({ columns: manifest.columns, rows: 1 }),
    cellAt: (x) => columnAt(box, manifest.columns, x),
    pointOf: (cell) => ({ x: xOf(cell.column), y: 20 }),
    describe: (cell) => [
      clock(cell.column * manifest.columnMs, manifest.spanMs),
      ...manifest.policies
        .filter((_, i) => shown[i])
        .map((policy) => `${policy.name}: ${amount(floats(run, plot.pick(policy))[cell.column])}`),
    ],
    draw,
  })
  canvas.setAttribute('aria-label', `${plot.name} over time, one line per policy. Arrow keys walk.`)
  return () => draw(undefined)
}

/**
 * @param {Box} box
 * @param {number} columns
 * @param {number} x
 * @returns {Cell | undefined}
 */
export function columnAt(box, columns, x) {
  const column = Math.floor(((x - box.left) / box.width) * columns)
  return column >= 0 && column < columns ? { column, row: 0 } : undefined
}
