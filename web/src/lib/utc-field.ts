/** Fields of date and time, of UTC. */
import { isoText } from '../../../src/terms/shown.ts'

/** An instant as such a field has it: `2026-12-24T18:00`. */
export function fieldText(at: number): string {
  return isoText(at).slice(0, 16)
}

/** The same read back; undefined: it is none, or not whole yet. */
export function instantOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return undefined
  const at = Date.parse(`${text}:00Z`)
  return Number.isFinite(at) ? at : undefined
}
