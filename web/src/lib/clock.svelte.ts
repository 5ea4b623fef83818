/** The site's clock. It is the server's and not the browser's, and in a demo it runs faster. */
import type { StatusView } from '../../../src/apps/server/views/site.ts'

export class SiteClock {
  /** Milliseconds since 1970 of the site, as of the last answer that told. */
  now: number | undefined = $state()
  /** The last reading of all, which is shown from, and the page's clock at it. */
  private heard: { readonly site: number; readonly page: number } | undefined
  private speed = 1

  /** An answer told what time it is there, and how fast it goes. It is not measured: the page's clock stands while a laptop sleeps. */
  hear({ asOf, clockSpeed = 1 }: Pick<StatusView, 'asOf' | 'clockSpeed'>, page = performance.now()): void {
    this.heard = { site: asOf, page }
    this.speed = clockSpeed
    this.tick(page)
  }

  tick(page = performance.now()): void {
    if (this.heard !== undefined) this.now = this.heard.site + (page - this.heard.page) * this.speed
  }

  /** How long ago something was, by the site's clock. @param at of the page's clock */
  ageMs(at: number, page = performance.now()): number {
    return (page - at) * this.speed
  }
}

export const siteClock = new SiteClock()
