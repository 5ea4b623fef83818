/** How charts over time are drawn by uPlot: colours of tokens.css, hours of UTC, a line where the future begins. */
import type uPlot from 'uplot'
import { colourOf } from './theme.svelte.ts'
import { hourText, tickText } from './words.ts'

/** A line over time: measured ones are solid, forecast ones dashed with their band. */
export interface Line {
  readonly label: string
  readonly kind: 'measured' | 'forecast' | 'other'
  /** One a step, null where there is nothing. */
  readonly values: readonly (number | null)[]
  /** Edges of the band around it, where it has one. */
  readonly low?: readonly (number | null)[]
  readonly high?: readonly (number | null)[]
  /** Token of its colour; default: that of its kind. */
  readonly token?: string
}

/** An instant that something happened at, or will. */
export interface Mark {
  readonly at: number
  readonly text: string
}

export interface ChartWish {
  readonly lines: readonly Line[]
  readonly show: (value: number) => string
  readonly now: () => number | undefined
  readonly marks: () => readonly Mark[]
  readonly levels: () => readonly { readonly value: number; readonly text: string }[]
  readonly most: () => number | undefined
  readonly height: number
  readonly width: number
}

const SECOND_MS = 1000
const FONT = '11px system-ui, "Noto Sans", "DejaVu Sans", sans-serif'
const AXIS_PX = 56

/** Columns as uPlot takes them: seconds, then each line, and after it the edges of its band where it has one. */
export function columnsOf(times: readonly number[], lines: readonly Line[]): (readonly (number | null)[])[] {
  const columns: (readonly (number | null)[])[] = [times.map((at) => at / SECOND_MS)]
  for (const { values, low, high } of lines) {
    columns.push(values)
    if (low !== undefined && high !== undefined) columns.push(low, high)
  }
  return columns
}

export function chartOptions(wish: ChartWish): uPlot.Options {
  const { lines, show, most, height, width } = wish
  const series: uPlot.Series[] = [{ value: (_plot, at) => (at === null ? '' : `${hourText(at * SECOND_MS)} UTC`) }]
  const bands: uPlot.Band[] = []
  for (const line of lines) {
    series.push(seriesOf(line, show))
    if (line.low === undefined || line.high === undefined) continue
    const low = series.length
    const edge = { stroke: 'transparent', width: 0, points: { show: false } }
    const value = (_plot: uPlot, edgeValue: number | null): string => (edgeValue === null ? '' : show(edgeValue))
    series.push({ ...edge, label: `${line.label}, low`, value }, { ...edge, label: `${line.label}, high`, value })
    bands.push({ series: [low + 1, low], fill: colourOf('--forecast-band') })
  }
  const ink = colourOf('--ink-faint')
  const grid = { stroke: colourOf('--rule'), width: 1 }
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: FONT }
  return {
    width,
    height,
    series,
    bands,
    // Hours are UTC, as everywhere.
    tzDate: (at) =>
      new Date(new Date(at * SECOND_MS).getTime() + new Date(at * SECOND_MS).getTimezoneOffset() * 60_000),
    scales: { y: { range: (_plot, min, max) => rangeOf(min, max, most()) } },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((at) => tickText(at * SECOND_MS)) },
      { ...axis, size: AXIS_PX, values: (_plot, splits) => splits.map((split) => show(split)) },
    ],
    cursor: { points: { size: 5 }, drag: { x: false, y: false } },
    legend: { live: true },
    padding: [8, 8, 0, 0],
    hooks: { draw: [(plot) => drawOver(plot, wish, ink)] },
  }
}

function rangeOf(min: number | null, max: number | null, most: number | undefined): [number, number] {
  const highest = Math.max(max ?? 0, most ?? 0)
  return [Math.min(0, min ?? 0), highest > 0 ? highest * 1.05 : 1]
}

function seriesOf({ label, kind, token }: Line, show: (value: number) => string): uPlot.Series {
  return {
    label,
    stroke: colourOf(
      token ?? (kind === 'forecast' ? '--forecast' : kind === 'measured' ? '--measured' : '--ink-faint'),
    ),
    width: 1.5,
    ...(kind === 'forecast' ? { dash: [5, 3] } : {}),
    points: { show: false },
    spanGaps: false,
    value: (_plot, value) => (value === null ? '' : show(value)),
  }
}

/** Now, marks and levels. */
function drawOver(plot: uPlot, { now, marks, levels }: ChartWish, ink: string): void {
  const { ctx, bbox } = plot
  const from = plot.scales['x']?.min ?? 0
  const to = plot.scales['x']?.max ?? 0
  ctx.save()
  ctx.font = FONT.replace('11px', `${11 * devicePixelRatio}px`)
  ctx.fillStyle = ink
  ctx.strokeStyle = ink
  const instants = [...marks(), ...(now() === undefined ? [] : [{ at: now() as number, text: 'now' }])]
  for (const { at, text } of instants) {
    const seconds = at / SECOND_MS
    if (seconds < from || seconds > to) continue
    const x = Math.round(plot.valToPos(seconds, 'x', true))
    stroke(ctx, [x, bbox.top], [x, bbox.top + bbox.height], text === 'now' ? [] : [2, 3])
    ctx.fillText(text, x + 4, bbox.top + 11 * devicePixelRatio)
  }
  for (const { value, text } of levels()) {
    const y = Math.round(plot.valToPos(value, 'y', true))
    if (y < bbox.top || y > bbox.top + bbox.height) continue
    stroke(ctx, [bbox.left, y], [bbox.left + bbox.width, y], [6, 4])
    ctx.fillText(text, bbox.left + 4, y - 4)
  }
  ctx.restore()
}

function stroke(
  ctx: CanvasRenderingContext2D,
  [fromX, fromY]: readonly [number, number],
  [toX, toY]: readonly [number, number],
  dash: number[],
): void {
  ctx.beginPath()
  ctx.setLineDash(dash)
  ctx.moveTo(fromX, fromY)
  ctx.lineTo(toX, toY)
  ctx.stroke()
}
