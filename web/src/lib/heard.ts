/** What was heard of something that is asked for: what it is, why it can't be had, or nothing yet. These three are never the same. */
import type { ApiFailure } from './api.ts'

export interface Heard<T> {
  /** Absent: it was not told yet. It stays while it is asked again, and after a failure. */
  readonly value: T | undefined
  readonly failure: ApiFailure | undefined
  /** What is shown is not what stands: it could not be asked since. */
  readonly isStale: boolean
  readonly isLoading: boolean
  /** Milliseconds of the page's clock at which `value` came. */
  readonly heardAt: number | undefined
  /** Asks again, soon. */
  again(): void
}

/** What is not asked for yet, for who asks begins later. */
export const NOT_ASKED: Heard<never> = {
  value: undefined,
  failure: undefined,
  isStale: false,
  isLoading: true,
  heardAt: undefined,
  again: () => undefined,
}

/** Several, of which something is told only once all of them are known. */
export class Together<Parts extends readonly unknown[]> implements Heard<Parts> {
  private readonly parts: () => { readonly [I in keyof Parts]: Heard<Parts[I]> }

  /** @param parts looked at anew each time: which they are may change */
  constructor(parts: () => { readonly [I in keyof Parts]: Heard<Parts[I]> }) {
    this.parts = parts
  }

  private get all(): readonly Heard<unknown>[] {
    return this.parts()
  }

  get value(): Parts | undefined {
    const values = this.all.map(({ value }) => value)
    return values.includes(undefined) ? undefined : (values as unknown as Parts)
  }

  get failure(): ApiFailure | undefined {
    return this.all.find(({ failure }) => failure !== undefined)?.failure
  }

  get isStale(): boolean {
    return this.value !== undefined && this.failure !== undefined
  }

  get isLoading(): boolean {
    return this.all.some(({ isLoading }) => isLoading)
  }

  /** Of the oldest of those that can't be asked. */
  get heardAt(): number | undefined {
    const old = this.all.filter(({ failure }) => failure !== undefined)
    const instants = (old.length === 0 ? this.all : old).map(({ heardAt }) => heardAt)
    return instants.some((at) => at === undefined) ? undefined : Math.min(...instants.map(Number))
  }

  /** What failed, and nothing else. */
  again(): void {
    for (const part of this.all) if (part.failure !== undefined) part.again()
  }
}

/** A figure in a line: `…` while it is being asked for, and that it is not known where it can't be. */
export function shortText<T>(of: Heard<T> | undefined, show: (value: T) => string): string {
  if (of?.value !== undefined) return show(of.value)
  return of?.failure === undefined ? '…' : 'not known'
}

/** What can't be asked, and why, a sentence for each reason. @param parts by what they are, in a sentence's middle */
export function failureTexts(parts: Readonly<Record<string, Heard<unknown> | undefined>>): readonly string[] {
  const byReason = new Map<string, string[]>()
  for (const [what, part] of Object.entries(parts)) {
    if (part?.failure === undefined) continue
    const { message } = part.failure
    byReason.set(message, [...(byReason.get(message) ?? []), part.isStale ? `${what} (old)` : what])
  }
  return [...byReason].map(([message, whats]) => `Can’t be asked now: ${whats.join(', ')}. ${message}`)
}
