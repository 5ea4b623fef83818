/** `ethos agent doctor`: what the agent can and cannot see here, and what would open it. */
import type { Finding } from '../../drivers/guest/sampler.ts'
import { inked, type Paper, PLAIN, wrap } from './paper.ts'

const MARKS = {
  seen: ['yes', 'good'],
  partly: ['partly', 'note'],
  absent: ['no', 'note'],
  good: ['good', 'good'],
  warning: ['note', 'note'],
  bad: ['BAD', 'bad'],
} as const

/** A line of the doctor about the agent itself: identity, transport, spool. */
export interface Check {
  readonly what: string
  readonly state: 'good' | 'warning' | 'bad'
  readonly because: string
  readonly remedy?: string
}

/** Columns of what is asked; an answer that does not fit behind it stands below. */
const WHAT = 42
const INDENT = '          '

/** Text for a terminal. */
export function showDoctor(
  machine: string,
  { findings, checks }: { readonly findings: readonly Finding[]; readonly checks: readonly Check[] },
  paper: Paper = PLAIN,
): string {
  const lines = [inked(paper, 'heading', `What the agent can see on this machine (${machine})`)]
  let sampler = ''
  for (const finding of findings) {
    if (finding.sampler !== sampler) lines.push('', inked(paper, 'heading', finding.sampler))
    sampler = finding.sampler
    lines.push(...entry(finding, paper))
  }
  lines.push('', inked(paper, 'heading', 'the agent itself'))
  for (const check of checks) lines.push(...entry(check, paper))
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  const sum = `${count('seen')} seen, ${count('partly')} partly, ${count('absent')} not seen.`
  lines.push('', sum, 'What is not seen is absent in the vector, never zero.')
  return `${lines.join('\n')}\n`
}

function entry(
  { what, state, because, remedy }: { readonly state: Finding['state'] | Check['state'] } & Omit<Check, 'state'>,
  paper: Paper,
): readonly string[] {
  const [word, ink] = MARKS[state]
  const head = `  ${inked(paper, ink, word.padEnd(8))}`
  const isShort = what.length < WHAT && INDENT.length + WHAT + because.length <= paper.columns
  const lines = isShort ? [`${head}${what.padEnd(WHAT)}${because}`] : [head + what, ...wrap(paper, INDENT, because)]
  if (remedy !== undefined && state !== 'seen' && state !== 'good') lines.push(...wrap(paper, `${INDENT}-> `, remedy))
  return lines
}
