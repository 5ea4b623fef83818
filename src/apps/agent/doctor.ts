/** `ethos agent doctor`: what the agent can and cannot see here, and what would open it. */
import type { Finding } from '../../drivers/guest/sampler.ts'

const MARKS = { seen: 'yes   ', partly: 'partly', absent: 'no    ' } as const

/** A line of the doctor about the agent itself: identity, transport, spool. */
export interface Check {
  readonly what: string
  readonly state: 'good' | 'warning' | 'bad'
  readonly because: string
  readonly remedy?: string
}

/** Text for a terminal. */
export function showDoctor(machine: string, findings: readonly Finding[], checks: readonly Check[]): string {
  const width = Math.max(20, ...findings.map(({ what }) => what.length), ...checks.map(({ what }) => what.length)) + 2
  const lines = [`What the agent can see on this machine (${machine})`]
  let sampler = ''
  for (const finding of findings) {
    if (finding.sampler !== sampler) lines.push('', finding.sampler)
    sampler = finding.sampler
    lines.push(`  ${MARKS[finding.state]}  ${finding.what.padEnd(width)}${finding.because}`)
    if (finding.remedy !== undefined && finding.state !== 'seen')
      lines.push(`  ${' '.repeat(8 + width)}-> ${finding.remedy}`)
  }
  lines.push('', 'the agent itself')
  for (const { what, state, because, remedy } of checks) {
    lines.push(
      `  ${state === 'good' ? 'good  ' : state === 'warning' ? 'note  ' : 'BAD   '}  ${what.padEnd(width)}${because}`,
    )
    if (remedy !== undefined && state !== 'good') lines.push(`  ${' '.repeat(8 + width)}-> ${remedy}`)
  }
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  lines.push(
    '',
    `${count('seen')} seen, ${count('partly')} partly, ${count('absent')} not seen. What is not seen is absent in the vector, never zero.`,
  )
  return `${lines.join('\n')}\n`
}
