import type { BacktestResult } from '../backtest/result.ts'
import { escapeHtml, formatNumber, formatPercent } from './escape.ts'
import { policyKind } from './metrics.ts'

const WIDTH = 440
const HEIGHT = 300
const PLOT = { left: 58, right: 16, top: 28, bottom: 44 }
/** A wider span gets a logarithmic axis: one who leaves every host on would squeeze the rest into a corner. */
const LOG_SPAN = 6
/** Width of a letter of the labels, near enough to keep them apart. */
const LETTER_WIDTH = 6.4
const LABEL_HEIGHT = 14

interface Point {
  readonly name: string
  readonly x: number
  readonly y: number
}

interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
}

/** Energy against overload time, one labelled point per policy: lower left is better. */
export function renderScatter(results: readonly BacktestResult[]): string {
  const shown = results.filter((result) => Number.isFinite(result.energyKwh + result.overloadTimeFraction))
  if (shown.length === 0) return '<p class="empty">No policy to plot.</p>'
  const energies = shown.map((result) => result.energyKwh)
  const xAxis = axisOf(energies)
  const yMax = niceCeil(Math.max(...shown.map((result) => result.overloadTimeFraction)) || 0.01)
  const place = (result: BacktestResult): Point => ({
    name: result.policy,
    x: PLOT.left + xAxis.position(result.energyKwh) * (WIDTH - PLOT.left - PLOT.right),
    y: HEIGHT - PLOT.bottom - (result.overloadTimeFraction / yMax) * (HEIGHT - PLOT.top - PLOT.bottom),
  })
  const description = shown
    .map(
      (result) =>
        `${result.policy}: ${formatNumber(result.energyKwh)} kWh, ${formatPercent(result.overloadTimeFraction)}`,
    )
    .join('; ')
  return (
    `<svg class="scatter" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" ` +
    `aria-label="${escapeHtml(`Energy against overload time. ${description}`)}">` +
    renderXTicks(xAxis) +
    renderYTicks(yMax) +
    renderPoints(shown.map(place)) +
    `<text class="axis-name" x="${WIDTH - PLOT.right}" y="${HEIGHT - 6}" text-anchor="end">` +
    `Energy, kWh${xAxis.isLog ? ' (logarithmic)' : ''} →</text>` +
    `<text class="axis-name" x="4" y="12">↑ Overload time</text>` +
    `</svg>`
  )
}

interface Axis {
  readonly isLog: boolean
  readonly ticks: readonly number[]
  readonly position: (value: number) => number
}

function axisOf(values: readonly number[]): Axis {
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (low > 0 && high / low > LOG_SPAN) return logAxis(low, high)
  const margin = Math.max((high - low) * 0.12, high * 0.02, 1e-9)
  const start = Math.max(0, low - margin)
  const end = high + margin
  const step = niceCeil((end - start) / 6)
  const first = Math.ceil(start / step)
  const ticks = Array.from({ length: Math.floor(end / step) - first + 1 }, (_, i) => (first + i) * step)
  return { isLog: false, ticks, position: (value) => (value - start) / (end - start) }
}

function logAxis(low: number, high: number): Axis {
  const start = Math.log(low) - 0.15
  const end = Math.log(high) + 0.15
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) && ticks.length < 60; power++) {
    ticks.push(
      ...[1, 2, 5]
        .map((digit) => digit * 10 ** power)
        .filter((tick) => Math.log(tick) >= start && Math.log(tick) <= end),
    )
  }
  return { isLog: true, ticks, position: (value) => (Math.log(value) - start) / (end - start) }
}

function niceCeil(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  const digit = [1, 2, 2.5, 5, 10].find((nice) => nice * power >= value * 0.999999) ?? 10
  return digit * power
}

function renderXTicks(axis: Axis): string {
  return axis.ticks
    .map((tick) => {
      const x = (PLOT.left + axis.position(tick) * (WIDTH - PLOT.left - PLOT.right)).toFixed(1)
      const bottom = HEIGHT - PLOT.bottom
      return (
        `<line class="grid" x1="${x}" x2="${x}" y1="${PLOT.top}" y2="${bottom}"/>` +
        `<text class="tick" x="${x}" y="${bottom + 15}" text-anchor="middle">${formatNumber(tick)}</text>`
      )
    })
    .join('')
}

function renderYTicks(yMax: number): string {
  const step = niceCeil(yMax / 5)
  return Array.from({ length: Math.floor(yMax / step + 1e-6) + 1 }, (_, i) => (i * step) / yMax)
    .map((share) => {
      const ends = `x1="${PLOT.left}" x2="${WIDTH - PLOT.right}"`
      const y = (HEIGHT - PLOT.bottom - share * (HEIGHT - PLOT.top - PLOT.bottom)).toFixed(1)
      return (
        `<line class="${share === 0 ? 'base' : 'grid'}" ${ends} y1="${y}" y2="${y}"/>` +
        `<text class="tick" x="${PLOT.left - 6}" y="${Number(y) + 4}" text-anchor="end">` +
        `${share === 0 ? '0' : formatPercent(share * yMax)}</text>`
      )
    })
    .join('')
}

/** Labels go where none stands yet: beside the point, above or below it. Points that share a place share a label. */
function renderPoints(points: readonly Point[]): string {
  const taken: Box[] = points.map((point) => ({ left: point.x - 6, top: point.y - 6, width: 12 }))
  const labels = groupPoints(points).map((group) => {
    const [point] = group
    const width = (group.map(({ name }) => name).join(', ').length + 1) * LETTER_WIDTH
    const spots = spotsBeside(point, width)
    const spot = spots.find((box) => fits(box) && !taken.some((other) => overlap(box, other))) ?? spots[0]
    taken.push(spot)
    const names = group.map(({ name }) => `<tspan class="${policyKind(name)}">${escapeHtml(name)}</tspan>`).join(', ')
    return `<text class="label" x="${spot.left.toFixed(1)}" y="${(spot.top + 11).toFixed(1)}">${names}</text>`
  })
  const marks = points.map((point) => {
    const kind = policyKind(point.name)
    const radius = { ours: 6, rival: 4.5, oracle: 8 }[kind]
    return `<circle class="mark ${kind}" cx="${point.x.toFixed(1)}" cy="${point.y.toFixed(1)}" r="${radius}"/>`
  })
  return marks.join('') + labels.join('')
}

/** Points that nobody could tell apart, together. */
function groupPoints(points: readonly Point[]): Point[][] {
  const groups: Point[][] = []
  for (const point of points) {
    const near = groups.find(([first]) => Math.hypot(first.x - point.x, first.y - point.y) < 5)
    if (near === undefined) groups.push([point])
    else near.push(point)
  }
  return groups
}

/** Right, left, above, below; then ever higher beside the point, where others stand close. */
function spotsBeside(point: Point, width: number): Box[] {
  const right = { left: point.x + 9, top: point.y - 7, width }
  const left = { left: point.x - 9 - width, top: point.y - 7, width }
  const centre = point.x - width / 2
  const higher = [1, 2, 3, 4, 5].flatMap((rows) => [
    { ...right, top: right.top - rows * LABEL_HEIGHT },
    { ...left, top: left.top - rows * LABEL_HEIGHT },
  ])
  const above = { left: centre, top: point.y - 23, width }
  return [right, left, above, { ...above, top: point.y + 9 }, { ...above, left: point.x - 8 }, ...higher]
}

function fits(box: Box): boolean {
  return box.left > PLOT.left && box.left + box.width < WIDTH && box.top > 0 && box.top < HEIGHT - PLOT.bottom - 8
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && Math.abs(a.top - b.top) < LABEL_HEIGHT - 1
}
