/** How text is set for whoever reads it: how wide, with colours and blocks or without. */
import { printable } from '../printable.ts'
import type { Machine } from '../../drivers/guest/machine.ts'

export interface Paper {
  readonly columns: number
  /** On a terminal, unless NO_COLOR is set (no-color.org) or the terminal is a dumb one. */
  readonly hasColour: boolean
  /** Whether the locale has more than ASCII: bars are of blocks then. */
  readonly hasBlocks: boolean
}

/** What is read by a program, or kept in a file. */
export const PLAIN: Paper = { columns: 80, hasColour: false, hasBlocks: false }

const COLUMNS_MIN = 60
const COLUMNS_MAX = 120

/** The terminal that we print to; 80 columns without colours where we print to something else. */
export function paperOf({ columns, environment }: Pick<Machine['self'], 'columns' | 'environment'>): Paper {
  const locale = [environment('LC_ALL'), environment('LC_CTYPE'), environment('LANG')].find((name) => name)
  const hasBlocks = /utf-?8/i.test(locale ?? '')
  if (columns === undefined) return { ...PLAIN, hasBlocks }
  const hasColour = !environment('NO_COLOR') && environment('TERM') !== 'dumb'
  return { columns: Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, columns)), hasColour, hasBlocks }
}

/** ANSI colours (ECMA-48, SGR), by what they stand for. */
const INKS = { heading: '1', faint: '2', good: '32', note: '33', bad: '31', bar: '36' } as const

/** One of them; in a group, so that cutting a text there keeps them. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const INK = /(\u001b\[(?:0|1|2|31|32|33|36)m)/

/** Text in an ink; as it is where there are no colours. Pad before: the ink has no width that can be counted. */
export function inked({ hasColour }: Paper, ink: keyof typeof INKS, text: string): string {
  return hasColour && text !== '' ? `\u001b[${INKS[ink]}m${text}\u001b[0m` : text
}

/** Text as it may reach a terminal: of control sequences only our own inks stay, whoever wrote the names within it. */
export function onPaper({ hasColour }: Paper, text: string): string {
  if (!hasColour) return printable(text)
  return text
    .split(INK)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('')
}

/** A share as so many cells, at least one for what is not zero. */
export function bar(paper: Paper, fraction: number, cells: number): string {
  const share = Math.min(1, Math.max(0, fraction))
  const filled = share === 0 ? 0 : Math.max(1, Math.round(share * cells))
  const [full, empty] = paper.hasBlocks ? ['█', '░'] : ['#', '.']
  return inked(paper, 'bar', full.repeat(filled)) + inked(paper, 'faint', empty.repeat(cells - filled))
}

/** Text in lines of at most so many columns. The first begins with `head`, the others are indented as far as that. A word that is longer than
 *  a line gets one of its own. */
export function wrap({ columns }: Paper, head: string, text: string): readonly string[] {
  return wrapParts(columns, head, text.split(' '), ' ')
}

/** A list in lines: parts stay whole, and have a comma between them. */
export function wrapList({ columns }: Paper, head: string, parts: readonly string[]): readonly string[] {
  return wrapParts(columns, head, parts, ', ')
}

function wrapParts(columns: number, head: string, parts: readonly string[], gap: string): readonly string[] {
  const lines: string[] = []
  let line = head
  let isEmpty = true
  parts.forEach((part, i) => {
    const text = i + 1 < parts.length ? part + gap : part
    if (!isEmpty && line.length + text.trimEnd().length > columns) {
      lines.push(line.trimEnd())
      line = ' '.repeat(head.length)
    }
    line += text
    isEmpty = false
  })
  lines.push(line.trimEnd())
  return lines
}
