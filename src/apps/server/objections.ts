/** What people said against proposals: no, or not yet. */

export const OBJECTIONS = ['rejected', 'postponed'] as const
export type ObjectionKind = (typeof OBJECTIONS)[number]
