/** How a run of the tests ended, check by check and test by test. */
export interface Tally {
  passed: number
  readonly failed: string[]
  readonly skipped: Skipped[]
}

export interface Skipped {
  readonly name: string
  readonly reason: string
}

/** The name of a test that needs data which nobody may pass on begins like this; it is skipped where the data are not. */
export const NEEDS_DATA = 'needs-data:'

/** What a run prints last. The very last line is `N passed, N failed, N skipped`: other programs read it. */
export function closingLines(tally: Tally, isCi: boolean): readonly string[] {
  const { needData, others } = sortSkipped(tally)
  const lines = ['']
  if (needData.length > 0) {
    lines.push(`Apart: ${needData.length} tests need data that may not be redistributed, and which are not here:`)
    for (const { name } of needData) lines.push(`  ${name}`)
  }
  if (others.length > 0) {
    lines.push(isCi ? 'Skipped, which is a failure where CI is set:' : 'Skipped:')
    for (const { name, reason } of others) lines.push(`  ${name}${reason === '' ? '' : `: ${reason}`}`)
  }
  if (tally.failed.length > 0) lines.push('Failed:', ...tally.failed.map((name) => `  ${name}`))
  lines.push(`${tally.passed} passed, ${tally.failed.length} failed, ${others.length} skipped`, '')
  return lines
}

export function exitCodeOf(tally: Tally, isCi: boolean): 0 | 1 {
  if (tally.failed.length > 0 || tally.passed === 0) return 1
  return isCi && sortSkipped(tally).others.length > 0 ? 1 : 0
}

function sortSkipped(tally: Tally): { readonly needData: readonly Skipped[]; readonly others: readonly Skipped[] } {
  return {
    needData: tally.skipped.filter(({ name }) => name.startsWith(NEEDS_DATA)),
    others: tally.skipped.filter(({ name }) => !name.startsWith(NEEDS_DATA)),
  }
}
