/** The page of `npm run bench:probes`: medians with their range, and against the goals of the issue. */
import type { CallCost, LoadMode } from './load.ts'
import { median } from './load.ts'
import { type AttachedRow, type CycleRow, PROGRAMS, type ProbeCosts } from './measure.ts'
import type { Trust } from './trust.ts'

/** What a duty cycle may cost a program that calls a million times a second. */
const SLOWER_MAX = 0.03
/** Calls a second at which a caller is told as slowed, beside the million that was measured: what a busy program makes of each. */
const BUSY_PER_SEC: Readonly<Record<LoadMode, number>> = { s: 1e6, m: 1e6, t: 50_000, d: 1000 }
const TURNS: Readonly<Record<LoadMode, string>> = {
  s: 'system call',
  m: 'malloc and free (2 probes)',
  t: 'SSL_read',
  d: 'getaddrinfo',
}

/** The tables, without a heading. */
export function costsAsText(costs: ProbeCosts): string {
  return [
    '## Attached all the time',
    '',
    'One thread that does little else than call, a microsecond of CPU time a turn, alone on its processor. Off, on and off again in each round.',
    '',
    '| what, by which way | off, ns of CPU | on | added (lowest to highest) | slower, by CPU | by the wall | a busy program: calls/s | slower |',
    '|---|---|---|---|---|---|---|---|',
    ...costs.attached.map(attachedLine),
    '',
    `## At the default duty cycle: one round per ${costs.periodMs / 1000} s`,
    '',
    'What the program lost from the start of the helper to its end, over a whole period; nothing is attached and nothing runs in the rest of it.',
    '',
    '| program, way | a round, s | lost per round, ms of CPU (lowest to highest) | slower by | lost by the wall, ms | slower by | after against before |',
    '|---|---|---|---|---|---|---|',
    ...costs.cycles.map((row) => cycleLine(row, costs.periodMs)),
    '',
    verdict(costs),
    '',
    '## The helper itself',
    '',
    '| program, way | CPU per round, ms (lowest to highest) | of a core |',
    '|---|---|---|',
    ...costs.cycles.map((row) => helperLine(row, costs.periodMs)),
    '',
    '## Is the error that is told honest?',
    '',
    'Programs that call in bursts (the rate is drawn anew four times a second, exponentially about its mean), and that count their own calls. Errors that',
    'are normal would hold the truth in 68 % and 95 % of the rounds.',
    '',
    '| rate | true, per second | rounds | mean told | within one error | within two |',
    '|---|---|---|---|---|---|',
    ...costs.trust.map(trustLine),
    '',
    `Left in tracefs at the end: ${costs.left.length === 0 ? 'nothing' : costs.left.join(', ')}.`,
    '',
  ].join('\n')
}

function attachedLine({ mode, way, pairs }: AttachedRow): string {
  const share = (by: keyof CallCost) => median(pairs.map(({ on, off }) => on[by] / off[by] - 1))
  const added = pairs.map(({ on, off }) => on.cpuNs - off.cpuNs)
  return row([
    `${TURNS[mode]}, ${way}`,
    median(pairs.map(({ off }) => off.cpuNs)).toFixed(0),
    median(pairs.map(({ on }) => on.cpuNs)).toFixed(0),
    `${range(added)} ns`,
    percent(share('cpuNs'), 0),
    percent(share('wallNs'), 0),
    BUSY_PER_SEC[mode].toLocaleString('en').replaceAll(',', ' '),
    percent((median(added) * BUSY_PER_SEC[mode]) / 1e9, 1),
  ])
}

function cycleLine({ mode, way, cycles }: CycleRow, periodMs: number): string {
  const lost = cycles.map(({ lostCpuMs }) => lostCpuMs)
  const wall = cycles.map(({ lostWallMs }) => lostWallMs)
  return row([
    `${PROGRAMS[mode]}, ${way}`,
    (median(cycles.map(({ roundMs }) => roundMs)) / 1000).toFixed(1),
    range(lost),
    percent(slower(median(lost), periodMs), 2),
    range(wall),
    percent(slower(median(wall), periodMs), 2),
    percent(median(cycles.map(({ afterwards }) => afterwards)), 2),
  ])
}

function helperLine({ mode, way, cycles }: CycleRow, periodMs: number): string {
  const used = cycles.map(({ helperCpuMs }) => helperCpuMs)
  return row([`${PROGRAMS[mode]}, ${way}`, range(used), percent(median(used) / periodMs, 3)])
}

function verdict({ cycles, periodMs }: ProbeCosts): string {
  const worst = Math.max(
    ...cycles.map((each) => slower(median(each.cycles.map(({ lostCpuMs }) => lostCpuMs)), periodMs)),
  )
  const is = worst <= SLOWER_MAX ? 'met' : 'MISSED'
  return (
    `Goal: slower by at most ${SLOWER_MAX * 100} %: ${is} (${percent(worst, 2)} at the worst). On a machine of one processor the CPU time of the helper, ` +
    'below, comes on top. With the probes off there is no helper: 0 %.'
  )
}

function trustLine({ name, truePerSec, told, withinOne, withinTwo }: Trust): string {
  const mean = told.reduce((sum, { perSec }) => sum + perSec, 0) / told.length
  return row([
    name,
    truePerSec.toFixed(0),
    String(told.length),
    mean.toFixed(0),
    percent(withinOne, 0),
    percent(withinTwo, 0),
  ])
}

/** Of what is done in a period without the helper, what is missing with it. */
function slower(lostMs: number, periodMs: number): number {
  return lostMs / (periodMs - lostMs)
}

function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})`
}

function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)} %`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
