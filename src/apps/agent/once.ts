/** `ethos agent --once`: the vector as a person reads it. */
import type { Finding } from '../../drivers/guest/sampler.ts'
import { witnessOf } from '../../engine/profile/distance.ts'
import { DIMENSIONS, type Dimension, dimensionIndex, isPresent, PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import { PERSONALITY_SCHEMA_VERSION } from '../../terms/personality.ts'
import type { Detail } from '../../terms/reading.ts'
import { amountOf, noteOfUnit, showAmount, showTime } from './amounts.ts'
import { absentByReason, type OnceView } from './once-absent.ts'
import { detailsOf, dimensionsOf, GROUPS, type GroupTitle } from './once-groups.ts'
import { inShort } from './once-short.ts'
import { bar, inked, type Paper, PLAIN, wrap, wrapList } from './paper.ts'

export type { OnceView } from './once-absent.ts'

/** Widths of a row: name, number, unit, bar, source. With the note behind they fill 80 columns. */
const NAME = 27
const NUMBER = 9
const UNIT = 9
const BAR = 10
const SOURCE = 7

/** Text for a terminal: in short; then every dimension with its name, value, unit and source, and what was measured beside; then what is absent,
 *  why, and what would open it. */
export function showOnce(view: OnceView, paper: Paper = PLAIN): string {
  const lines = [...titleLines(view, paper)]
  const short = inShort(view.vector)
  if (short.length > 0) lines.push('', inked(paper, 'heading', 'In short'))
  for (const [title, parts] of short) lines.push(...wrapList(paper, `  ${title.padEnd(16)}`, parts))
  for (const { title } of GROUPS) lines.push(...groupLines(view, title, paper))
  lines.push(...absentLines(view, paper), ...remedyLines(view.findings, paper))
  return `${lines.join('\n')}\n`
}

function titleLines({ vector, looks, phaseName, witness }: OnceView, paper: Paper): readonly string[] {
  const present = PERSONALITY_SCHEMA.filter((_, i) => isPresent(vector, i)).length
  const told = witness === 'guest' ? 'told by the guest' : 'seen from the host'
  const phase = phaseName === undefined ? '' : `: ${phaseName}`
  const measured = `${Math.round(vector.coverage * 100)} % of it measured`
  const over = `over the last ${showTime(vector.windowMs)} (${looks} ${looks === 1 ? 'look' : 'looks'}, ${measured})`
  const shape = `schema ${PERSONALITY_SCHEMA_VERSION}, phase model ${vector.phases}`
  return [
    inked(paper, 'heading', `Personality of ${vector.vmId}${phase}`),
    ...wrap(paper, '', `${over}; ${present} of ${DIMENSIONS} dimensions present, ${told}; ${shape}`),
  ]
}

function groupLines(view: OnceView, title: GroupTitle, paper: Paper): readonly string[] {
  const rows = dimensionsOf(title)
    .filter(({ name }) => isPresent(view.vector, dimensionIndex(name)))
    .map((dimension) => row(view, dimension, paper))
  const beside = besideLines(detailsOf(title, view.details), paper)
  if (rows.length + beside.length === 0) return []
  return ['', inked(paper, 'heading', title), ...rows, ...beside]
}

function row(view: OnceView, dimension: Dimension & { readonly name: string }, paper: Paper): string {
  const { vector } = view
  const name = dimension.name as (typeof PERSONALITY_SCHEMA)[number]['name']
  const value = vector.values[dimensionIndex(name)]
  const source = dimension.source === 'derived' ? 'derived' : witnessOf(vector, name)
  const { number, unit } =
    name === 'phase' && view.phaseName !== undefined
      ? { number: String(value), unit: view.phaseName }
      : amountOf(value, dimension.unit)
  const isShare = dimension.unit.startsWith('fraction')
  const drawn = isShare ? bar(paper, value, BAR) : ' '.repeat(Math.max(0, BAR - Math.max(0, unit.length - UNIT)))
  const behind = inked(paper, 'faint', `${source.padEnd(SOURCE)} ${noteOfUnit(dimension.unit)}`.trimEnd())
  return `  ${name.padEnd(NAME)}${number.padStart(NUMBER)} ${unit.padEnd(UNIT)} ${drawn} ${behind}`.trimEnd()
}

/** What was measured beside the dimensions: two columns of numbers, then what is zero in one line, then what is told in words. What several
 *  applications tell stands below the name of each. */
function besideLines(details: readonly Detail[], paper: Paper): readonly string[] {
  if (details.length === 0) return []
  const owners = new Map<string, Detail[]>()
  for (const detail of details) {
    const colon = detail.name.lastIndexOf(': ')
    const owner = colon < 0 ? '' : detail.name.slice(0, colon)
    const own = { ...detail, name: detail.name.slice(colon < 0 ? 0 : colon + 2) }
    owners.set(owner, [...(owners.get(owner) ?? []), own])
  }
  const lines = [inked(paper, 'faint', '  beside, of the last look; not sent')]
  for (const [owner, own] of owners) {
    if (owner !== '') lines.push(`    ${inked(paper, 'heading', owner)}`)
    lines.push(...ownLines(own, owner === '' ? '    ' : '      ', paper))
  }
  return lines
}

function ownLines(details: readonly Detail[], indent: string, paper: Paper): readonly string[] {
  const numbers = details.filter(({ value }) => typeof value === 'number' && value !== 0)
  const zero = details.filter(({ value }) => value === 0)
  const words = details.filter(({ value }) => typeof value === 'string')
  const lines: string[] = []
  const cell = Math.floor((paper.columns - indent.length - 2) / 2)
  let left: string | undefined
  for (const { name, unit, value } of numbers) {
    const shown = showAmount(value as number, unit)
    const text = `${name} ${shown.padStart(cell - name.length - 1)}`
    const isWide = text.length > cell
    if (left === undefined && !isWide) left = text
    else if (left !== undefined && !isWide) {
      lines.push(`${indent}${left}  ${text}`)
      left = undefined
    } else lines.push(`${indent}${text}`)
  }
  if (left !== undefined) lines.push(indent + left)
  for (const { name, value } of words) lines.push(...wrap(paper, `${indent}${name}: `, String(value)))
  if (zero.length > 0) {
    const names = zero.map(({ name }) => name.replaceAll(', ', ' '))
    lines.push(...wrapList(paper, `${indent}zero: `, names).map((line) => inked(paper, 'faint', line)))
  }
  return lines
}

/** Absent dimensions by the reason for it. */
function absentLines(view: OnceView, paper: Paper): readonly string[] {
  const byReason = absentByReason(view)
  if (byReason.size === 0) return []
  const lines = ['', inked(paper, 'heading', 'Absent (absent is not zero)')]
  for (const [reason, names] of byReason) {
    lines.push(...wrap(paper, '  ', `${reason}:`))
    lines.push(...wrapList(paper, '    ', names).map((line) => inked(paper, 'faint', line)))
  }
  return lines
}

/** What would open more, each remedy once, below all that it opens. */
function remedyLines(findings: readonly Finding[], paper: Paper): readonly string[] {
  const opens = new Map<string, string[]>()
  for (const { state, what, remedy } of findings)
    if (state !== 'seen' && remedy !== undefined) opens.set(remedy, [...(opens.get(remedy) ?? []), what])
  if (opens.size === 0) return []
  const lines = ['', inked(paper, 'heading', 'What would open more')]
  for (const [remedy, whats] of opens)
    lines.push(...wrap(paper, '  ', whats.join('; ')), ...wrap(paper, '    -> ', remedy))
  return lines
}
