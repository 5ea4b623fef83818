/** The one demo and the one browser that all journeys share: each demo costs a start. */
import { after, before } from 'node:test'
import type { Page } from 'playwright-core'
import type { StatusView } from '../../../src/apps/server/views/site.ts'
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

/** Turns automation off and waits until no turn is taken any more: what is asked from then on is of one. @returns its number */
export async function standStill(): Promise<number> {
  await setLevel('off')
  let turn = -1
  // One that was being taken ends first.
  while (turn !== (await turns())) {
    turn = await turns()
    await on.page.waitForTimeout(STILL_MS)
  }
  return turn
}

export async function turns(): Promise<number> {
  return (await on.bench.ask<StatusView>('/v1/status')).turns
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

const STILL_MS = 1500
const LOOK_MS = 250
const LOOKS_MAX = 480
