/** The scoreboard as a table for terminals. */
import { SCOREBOARD_COLUMNS } from '../../terms/scoreboard.ts'
import type { BacktestResult, BacktestRun } from './result.ts'

interface TableColumn {
  readonly title: string
  readonly unit: string
  readonly cell: (result: BacktestResult) => string
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'policy', unit: '', cell: (r) => r.policy + (r.account === 'cloudsim' ? ' *' : '') },
  ...SCOREBOARD_COLUMNS,
]

const CLOUDSIM_COLUMN: TableColumn = {
  title: 'SLATAH',
  unit: '% CloudSim’s',
  cell: (r) => (r.cloudsimSlatahFraction === undefined ? '-' : percent(r.cloudsimSlatahFraction, 2)),
}

export function renderTable(run: BacktestRun): string {
  const columns = run.rules === 'cloudsim' ? [...COLUMNS, CLOUDSIM_COLUMN] : COLUMNS
  const rows = [
    columns.map(({ title }) => title),
    columns.map(({ unit }) => unit),
    ...run.results.map((result) => columns.map(({ cell }) => cell(result))),
  ]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
  const rule = '-'.repeat(lines[0].length)
  return [headline(run), '', ...lines.slice(0, 2), rule, ...lines.slice(2), '', ...footnotes(run), ''].join('\n')
}

function headline(run: BacktestRun): string {
  const hours = (run.steps * run.stepMs) / 3_600_000
  return `${run.traceName}: ${run.vms} VMs on ${run.hosts.length} hosts (${run.fleetName}), ${trim(hours)} h, ${run.rules} rules, seed ${run.seed}`
}

function footnotes(run: BacktestRun): readonly string[] {
  const lines: string[] = []
  if (run.synthetic.length > 0) lines.push(`synthetic (generated, not measured): ${run.synthetic.join(', ')}`)
  for (const note of run.notes) lines.push(`${/ run and counted as /.test(note) ? '* ' : '- '}${note}`)
  return lines
}

function percent(fraction: number, digits: number): string {
  return (fraction * 100).toFixed(digits)
}

function trim(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}
