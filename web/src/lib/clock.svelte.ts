/** The site's clock. It is the server's and not the browser's, and in a demo it runs faster. */

interface Reading {
  readonly site: number
  readonly page: number
}

/** Readings that are closer tell nothing of the pace: how long an answer took weighs too much. */
const APART_MS = 2000
/** Two measurements of the pace that differ by less agree. */
const AGREE = 0.25
/** Nobody's demo is faster, and no clock runs slower: else it was set. */
const PACE_MIN = 0.5
const PACE_MAX = 1000

export class SiteClock {
  /** Milliseconds since 1970 of the site, as of the last answer that told. */
  now: number | undefined = $state()
  /** The last reading of all, which is shown from. */
  private heard: Reading | undefined
  /** The last one that the pace was measured with. */
  private measured: Reading | undefined
  private speed = 1
  /** Since then it runs at this pace: over a long time the pace is known well. */
  private since: Reading | undefined
  /** A pace that was measured once: it counts once it is measured again, for a clock may be set, and a laptop may sleep. */
  private doubted: number | undefined

  /** An answer told what time it is there. */
  hear(site: number, page = performance.now()): void {
    const reading = { site, page }
    this.since ??= reading
    this.heard = reading
    this.measured ??= reading
    if (page - this.measured.page > APART_MS) {
      this.measure(this.measured, reading)
      this.measured = reading
    }
    this.tick(page)
  }

  tick(page = performance.now()): void {
    if (this.heard !== undefined) this.now = this.heard.site + (page - this.heard.page) * this.speed
  }

  /** How long ago something was, by the site's clock. @param at of the page's clock */
  ageMs(at: number, page = performance.now()): number {
    return (page - at) * this.speed
  }

  private measure(before: Reading, reading: Reading): void {
    const pace = paceOf(before, reading)
    if (pace === undefined) return
    if (agree(pace, this.speed)) {
      this.doubted = undefined
      const whole = this.since === undefined ? undefined : paceOf(this.since, reading)
      if (whole !== undefined && agree(whole, this.speed)) this.speed = whole
      else this.since = before
    } else if (this.doubted !== undefined && agree(pace, this.doubted)) {
      this.speed = pace
      this.doubted = undefined
      this.since = before
    } else this.doubted = pace
  }
}

function paceOf(from: Reading, to: Reading): number | undefined {
  const pace = (to.site - from.site) / (to.page - from.page)
  if (!(pace > PACE_MIN && pace < PACE_MAX)) return undefined
  // A site's own clock runs as ours does.
  return pace < 1.5 ? 1 : pace
}

function agree(a: number, b: number): boolean {
  return Math.abs(a / b - 1) < AGREE
}

export const siteClock = new SiteClock()
