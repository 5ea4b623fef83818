/** The scoreboard as a table for terminals. */
import { GiB } from '../../terms/units.ts'
import type { BacktestResult, BacktestRun } from './result.ts'

interface TableColumn {
  readonly title: string
  readonly unit: string
  readonly cell: (result: BacktestResult) => string
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'policy', unit: '', cell: (r) => r.policy + (r.account === 'cloudsim' ? ' *' : '') },
  { title: 'energy', unit: 'kWh', cell: (r) => r.energyKwh.toFixed(2) },
  { title: 'overload', unit: '% host time', cell: (r) => percent(r.overloadTimeFraction, 3) },
  { title: 'unserved', unit: '% demand', cell: (r) => percent(r.unservedFraction, 4) },
  { title: 'degraded', unit: '% demand', cell: (r) => percent(r.migrationDegradationFraction, 4) },
  { title: 'migrations', unit: 'per VM-day', cell: (r) => r.migrationsPerVmDay.toFixed(3) },
  { title: 'copied', unit: 'GiB', cell: (r) => (r.copiedBytes / GiB).toFixed(1) },
  { title: 'hosts on', unit: 'mean', cell: (r) => r.hostsOnMean.toFixed(1) },
  { title: 'CPU', unit: 's', cell: (r) => r.cpuSeconds.toFixed(2) },
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
