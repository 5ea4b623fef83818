/** The demo's figures as one page without anything from outside: waiting that adds up, a line per policy, and the moves on it. */
import { MINUTE_MS } from '../../terms/units.ts'
import { escapeHtml } from '../report/escape.ts'
import { tellFigures, timeOfDay } from './drawing.ts'
import { type DemoFigures, delayOf } from './figures.ts'
import type { EveningRun } from './run.ts'
import { LASTS_MS } from './scenario.ts'

const [WIDTH, HEIGHT] = [900, 420]
const MARGIN = { left: 60, right: 140, top: 20, bottom: 40 }
const COLOURS = ['#0b62c4', '#e8590c', '#6b7682', '#1a7042', '#a63a12']
const TICKS = 5

/** @param notes what a reader must know, a sentence each */
export function drawPage(runs: readonly EveningRun[], figures: DemoFigures, notes: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ethos: an evening on real guests</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #17202a; background: #fff }
text { font: 12px system-ui, sans-serif; fill: #596673 } pre { white-space: pre-wrap; background: #f5f6f8; padding: 1rem }
@media (prefers-color-scheme: dark) { body { color: #e8edf2; background: #0f1419 } pre { background: #171d24 } text { fill: #9ba8b5 } }
</style></head><body>
<h1>An evening on real guests</h1>
<p>Seconds in which guests were ready to run and had to wait (<code>vcpu.delay</code>), added up over the evening. A ring is the order of a move.</p>
${chart(runs)}
<pre>${escapeHtml(tellFigures(figures))}</pre>
<ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>
</body></html>
`
}

function chart(runs: readonly EveningRun[]): string {
  const most = Math.max(1, ...runs.flatMap(({ looks }) => looks.map(delayOf)))
  const x = (at: number): number =>
    MARGIN.left + (Math.min(at, LASTS_MS) / LASTS_MS) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (sec: number): number => HEIGHT - MARGIN.bottom - (sec / most) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const parts = [...grid(most, x, y)]
  runs.forEach(({ policy, looks, moves }, r) => {
    const colour = COLOURS[r % COLOURS.length]
    const points = looks.map((look) => `${x(look.at).toFixed(1)},${y(delayOf(look)).toFixed(1)}`).join(' ')
    parts.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    const last = looks[looks.length - 1]
    const label = `${policy} ${delayOf(last).toFixed(1)} s`
    parts.push(
      `<text x="${x(last.at) + 6}" y="${y(delayOf(last)) + 4}" style="fill:${colour}">${escapeHtml(label)}</text>`,
    )
    for (const { orderedAt, vm, from, to } of moves) {
      const there = looks.findLast((look) => look.at <= orderedAt) ?? looks[0]
      const title = `${timeOfDay(orderedAt)} ${vm} from ${from} to ${to}`
      const place = `cx="${x(orderedAt).toFixed(1)}" cy="${y(delayOf(there)).toFixed(1)}"`
      parts.push(
        `<circle ${place} r="5" fill="none" stroke="${colour}" stroke-width="2"><title>${escapeHtml(title)}</title></circle>`,
      )
    }
  })
  const say = 'Seconds waited by time of day, one line per policy'
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${say}">${parts.join('\n')}</svg>`
}

function grid(most: number, x: (at: number) => number, y: (sec: number) => number): readonly string[] {
  const lines: string[] = []
  for (let tick = 0; tick <= TICKS; tick++) {
    const sec = (most * tick) / TICKS
    const at = y(sec).toFixed(1)
    lines.push(
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#9aa5b1" stroke-width="0.5"/>`,
    )
    lines.push(`<text x="${MARGIN.left - 8}" y="${at}" text-anchor="end">${sec.toFixed(0)} s</text>`)
  }
  for (let at = 0; at <= LASTS_MS; at += 15 * MINUTE_MS)
    lines.push(`<text x="${x(at).toFixed(1)}" y="${HEIGHT - 14}" text-anchor="middle">${timeOfDay(at)}</text>`)
  return lines
}
