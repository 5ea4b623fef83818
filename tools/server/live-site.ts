/** A judgement at work on an imagined site, for tests: a store in a folder of its own, hosts that report, intervals of a second. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type JudgementOptions, SiteJudgement } from '../../src/apps/server/judgement.ts'
import { openSite, type StorePlace } from '../../src/apps/server/open-site.ts'
import type { Answer, SiteEvent } from '../../src/apps/server/site-answers.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { HOUR_MS } from '../../src/terms/units.ts'
import type { SiteStore } from '../../src/world/site-store.ts'
import { ImaginedSite, type ImaginedSiteOptions } from './imagined-site.ts'

/** A tenth of it lies between two reports of a host. */
export const LIVE_EVERY_MS = 1000
/** Whoever waits longer than this waits in vain, on the busiest machine. */
const PATIENCE_MS = 90_000

export class LiveSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'ethos-live-'))
  readonly place: StorePlace = { data: this.folder }
  readonly site: ImaginedSite
  readonly events: SiteEvent[] = []
  readonly notes: string[] = []
  store!: SiteStore
  judgement!: SiteJudgement
  private reporter: NodeJS.Timeout | undefined
  private isTelling = false

  constructor(options: Partial<ImaginedSiteOptions> = {}) {
    this.site = new ImaginedSite({ hosts: 4, vms: 24, seed: 1, cores: 16, ...options })
  }

  /** A store with an hour of the past and hosts that report; no judgement yet. */
  async open(): Promise<void> {
    this.store = await openSite(this.place)
    const now = Date.now()
    await this.site.register(this.store, now)
    await this.site.tellPast(this.store, { from: now - HOUR_MS, to: now })
    await this.site.tellReports(this.store, now)
    this.report()
  }

  /** Hosts report from now on. */
  report(): void {
    this.reporter = setInterval(() => void this.tell(), LIVE_EVERY_MS / 4)
  }

  /** Hosts fall silent. */
  silence(): void {
    clearInterval(this.reporter)
  }

  async start(options: Partial<JudgementOptions> = {}): Promise<SiteJudgement> {
    this.judgement = this.make(options)
    this.judgement.subscribe((event) => this.events.push(event))
    this.judgement.start()
    return this.judgement
  }

  /** A judgement on this store, not started. */
  make(options: Partial<JudgementOptions> = {}): SiteJudgement {
    return new SiteJudgement({
      store: this.store,
      place: this.place,
      clock: new WallClock(),
      holder: 'live',
      everyMs: LIVE_EVERY_MS,
      leaseMs: 3 * LIVE_EVERY_MS,
      backoffMs: 50,
      note: (text) => this.notes.push(text),
      ...options,
    })
  }

  async close(): Promise<void> {
    this.silence()
    await this.judgement?.close()
    while (this.isTelling) await sleep(10)
    await this.store?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async tell(): Promise<void> {
    if (this.isTelling) return
    this.isTelling = true
    try {
      await this.site.tellReports(this.store, Date.now(), LIVE_EVERY_MS)
    } finally {
      this.isTelling = false
    }
  }
}

/** Waits until something is so. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`Waited ${PATIENCE_MS / 1000} s in vain until ${what}.`)
    await sleep(50)
  }
}

/** The body of an answer; throws where there is none. */
export function bodyOf(answer: Answer): Record<string, unknown> {
  if (answer.kind !== 'json') throw new Error(`No answer but: ${JSON.stringify(answer)}`)
  return JSON.parse(typeof answer.text === 'string' ? answer.text : Buffer.from(answer.text).toString()) as Record<
    string,
    unknown
  >
}
