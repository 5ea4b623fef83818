/** The demo's figures for a terminal. */
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { type DemoFigures, type EveningFigures, GOALS, quietest, waitingByMinute } from './figures.ts'
import type { EveningRun } from './run.ts'
import { BEGINS_AT_MS, LASTS_MS } from './scenario.ts'

const BARS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const NAME_WIDTH = 12
const MINUTES = LASTS_MS / MINUTE_MS
/** Minutes between times on the axis. */
const AXIS_EVERY = 15

/** Time of day of an instant of the demo. */
export function timeOfDay(atMs: number): string {
  const minutes = Math.floor((BEGINS_AT_MS + atMs) / MINUTE_MS) % (24 * 60)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/** One row of bars per policy, a minute a column, all on one scale; below it where VMs were told to move. */
export function drawWaiting(runs: readonly EveningRun[], figures: DemoFigures): string {
  const rows = runs.map((run) => waitingByMinute(run.looks, MINUTES, figures.speed))
  const most = Math.max(0.1, ...rows.flat().filter((value) => Number.isFinite(value)))
  const lines = [
    `Seconds waited per second, all guests together (a full block: ${most.toFixed(2)}; M: a move is ordered)`,
    `${''.padEnd(NAME_WIDTH)}${axis()}`,
  ]
  runs.forEach((run, r) => {
    lines.push(
      `${run.policy.slice(0, NAME_WIDTH - 1).padEnd(NAME_WIDTH)}${rows[r].map((value) => bar(value, most)).join('')}`,
    )
    if (run.moves.length > 0) lines.push(`${''.padEnd(NAME_WIDTH)}${markMoves(run)}`.trimEnd())
  })
  return `${lines.join('\n')}\n`
}

/** Totals, comparisons and moves, in words. */
export function tellFigures(figures: DemoFigures): string {
  const { evenings, avoided } = figures
  const lines = ['policy        waited     moves   first contended   ']
  for (const { policy, delaySec, moves, contendedAt } of evenings)
    lines.push(
      [
        policy.slice(0, NAME_WIDTH + 10).padEnd(NAME_WIDTH),
        `${delaySec.toFixed(1)} s`.padStart(8),
        String(moves.length).padStart(9),
        (contendedAt === undefined ? 'never' : timeOfDay(contendedAt)).padStart(17),
      ].join('  '),
    )
  lines.push('')
  for (const { against, fraction } of avoided) lines.push(tellAvoided(evenings[0].policy, against, fraction))
  lines.push(...tellMoveCounts(evenings), ...tellQuiet(figures))
  for (const evening of evenings) lines.push(...tellMoves(evening))
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

function tellAvoided(ours: string, against: string, fraction: number): string {
  const goal = against === 'none' ? GOALS.againstNothing : GOALS.againstReactive
  const verdict = fraction >= goal ? 'reached' : 'missed'
  const share = fraction < 0 ? `${percent(-fraction)} more than` : `${percent(fraction)} less than`
  return `${ours} let guests wait ${share} ${against}. Goal: ${percent(goal)} less; ${verdict}.`
}

function tellMoveCounts([ours, ...others]: readonly EveningFigures[]): readonly string[] {
  return others
    .filter(({ policy }) => policy !== 'none')
    .map(({ policy, moves }) => {
      const verdict = ours.moves.length <= moves.length ? 'reached' : 'missed'
      return `${ours.policy} moved ${ours.moves.length}, ${policy} ${moves.length}. Goal: no more; ${verdict}.`
    })
}

/** Emulated guests wait for each other, and for this machine, also where there is room: that much nobody can avoid. */
function tellQuiet(figures: DemoFigures): readonly string[] {
  const share = quietest(figures)
  if (share === undefined) return []
  const unavoidable = (share * LASTS_MS) / figures.speed / SECOND_MS
  const beyond = figures.evenings.map(
    ({ policy, delaySec }) => `${policy} ${Math.max(0, delaySec - unavoidable).toFixed(1)} s`,
  )
  const without = `Without any peak guests wait ${share.toFixed(2)} s a second here, ${unavoidable.toFixed(1)} s an evening, which nobody can avoid`
  return [`${without}. Beyond that: ${beyond.join(', ')}.`]
}

function tellMoves({ policy, moves, contendedAt }: EveningFigures): readonly string[] {
  return moves.map(({ vm, from, to, orderedAt, endedAt, state, waitedShare }) => {
    const when =
      contendedAt === undefined || orderedAt < contendedAt
        ? 'before any host was contended'
        : 'after a host was contended'
    const took = endedAt === undefined ? '' : ` (${timeOfDay(endedAt)})`
    return `  ${policy}: ${timeOfDay(orderedAt)} ${vm} ${from} -> ${to}, ${state}${took}; ${when}: guests there waited ${waitedShare.toFixed(2)} s a second`
  })
}

function axis(): string {
  let line = ''
  for (let minute = 0; minute < MINUTES; minute += AXIS_EVERY) line += timeOfDay(minute * MINUTE_MS).padEnd(AXIS_EVERY)
  return line.trimEnd()
}

function bar(value: number, most: number): string {
  if (!Number.isFinite(value)) return ' '
  return BARS[Math.min(BARS.length - 1, Math.max(0, Math.round((value / most) * (BARS.length - 1))))]
}

function markMoves({ moves }: EveningRun): string {
  const marks = Array.from({ length: MINUTES }, () => ' ')
  for (const { orderedAt } of moves) marks[Math.min(MINUTES - 1, Math.max(0, Math.floor(orderedAt / MINUTE_MS)))] = 'M'
  return marks.join('')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
