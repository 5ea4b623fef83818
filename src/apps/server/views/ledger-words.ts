/** Whether it was right to leave something as it was. */
export const VERDICTS = ['right', 'wrong', 'not-yet-known', 'unknown'] as const
export type Verdict = (typeof VERDICTS)[number]
