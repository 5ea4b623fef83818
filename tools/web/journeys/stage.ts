/** The one demo and the one browser that all journeys share: each demo costs a start. */
import { after, before } from 'node:test'
import type { Page } from 'playwright-core'
import { PageBench, whyNoBrowser } from '../page-bench.ts'

export const skip = whyNoBrowser

interface Stage {
  bench: PageBench
  /** Of the admin, who came by a one-time token. */
  page: Page
}

/** Filled before the first test. */
export const on = {} as Stage

before(async () => {
  if (skip !== false) return
  // No turn is taken until somebody looks: what the first turns propose is good for half a minute of the machine's.
  on.bench = await PageBench.begin({ viewport: { width: 1280, height: 900 } }, 'off')
  on.page = await on.bench.page()
})
after(async () => {
  if (skip === false) await on.bench.end()
})

/** Sets the level past the page, as a program of an admin would. */
export async function setLevel(level: 'off' | 'advisory' | 'partial'): Promise<void> {
  await on.bench.ask('/v1/automation', 'PUT', { level, isPaused: false, confirm: level, reason: 'a test' })
}

/** Goes on once something holds. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const found = await look()
    if (found !== undefined) return found
    await on.page.waitForTimeout(LOOK_MS)
  }
  throw new Error(`nothing came within ${(LOOKS_MAX * LOOK_MS) / 1000} s`)
}

const LOOK_MS = 250
const LOOKS_MAX = 480
