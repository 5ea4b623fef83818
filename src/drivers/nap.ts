import { setTimeout as sleep } from 'node:timers/promises'

/** Longest delay that a Node timer takes; longer sleeps are made of several. */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** Sleeps so long, or as long as one timer can. Rejects with the signal's reason when that is aborted. */
export async function nap(leftMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(Math.min(Math.ceil(leftMs), TIMER_MS_MAX), undefined, signal === undefined ? {} : { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause
  }
}
