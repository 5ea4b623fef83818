import type { Lack, Refused } from '../../../terms/ranking.ts'
import type { Preflight } from '../../../world/migration-driver.ts'

const FINDINGS_MAX = 100

/** What a preflight has found: what is in the way, and what may be and is dangerous or can not be known. */
export class Findings {
  private readonly refusals: Refused[] = []
  private readonly warnings = new Set<string>()

  /** @param shortBy in the unit of what is lacking; 1 of what can't be counted */
  refuse(lacking: Lack, reason: string, shortBy = 1): void {
    if (this.refusals.length < FINDINGS_MAX) this.refusals.push({ kind: 'refused', lacking, shortBy, reason })
  }

  warn(sentence: string): void {
    if (this.warnings.size < FINDINGS_MAX) this.warnings.add(sentence)
  }

  get result(): Preflight {
    return { refusals: [...this.refusals], warnings: [...this.warnings] }
  }
}
