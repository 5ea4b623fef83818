import type { Material } from './material.ts'

/** A part of the benchmark: what it measured, for people and for programs. */
export interface Section {
  readonly title: string
  /** Markdown, which reads in a terminal too. */
  readonly text: string
  /** JSON. */
  readonly figures: unknown
  /** False: what must hold on every machine does not. */
  readonly isSound: boolean
}

/** Says on stderr what is being run. */
export type Tell = (what: string) => void

export type MakeSection = (material: Material, tell: Tell) => Promise<Section>

/** The first column to the left, the others to the right. */
export function showTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows]
  const widths = titles.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)))
  const lines = all.map(
    (row) => `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`,
  )
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

export function percent(fraction: number, digits = 2): string {
  return (fraction * 100).toFixed(digits)
}

/** With its sign; nothing at all is 0. */
export function deviationPercent(fraction: number): string {
  const text = percent(fraction)
  if (Number(text) === 0) return '0'
  return fraction > 0 ? `+${text}` : text
}

export function met(isMet: boolean): string {
  return isMet ? 'met' : 'missed'
}

/** As many digits as a measurement is worth keeping. */
export function rounded(value: number, digits = 4): number {
  return Number(value.toFixed(digits))
}
