/** Answers that the setup page asks for, and whom it asks for whom. */
import type { TokenView } from '../../../src/apps/server/views/site.ts'
import { ApiFailure } from './api.ts'

/** Pages of a thousand hosts. */
export const PAGES_MAX = 10

export interface TokensView {
  readonly tokens: readonly TokenView[]
}

export interface StoreView {
  readonly backups: readonly { readonly name: string; readonly sizeBytes: number; readonly at: number }[]
}

/** What a role may see; undefined where it may not, or where that alone can't be told now. */
export async function allowed<T>(may: boolean, ask: () => Promise<T>): Promise<T | undefined> {
  if (!may) return undefined
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiFailure && error.status !== 0) return undefined
    throw error
  }
}
