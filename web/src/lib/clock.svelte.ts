/** The site's clock. It is the server's and not the browser's, and in a demo it runs faster. */

export class SiteClock {
  /** Milliseconds since 1970 of the site, as of the last answer that told. */
  now: number | undefined = $state()
  private heard: { readonly site: number; readonly page: number } | undefined
  private speed = 1

  /** An answer told what time it is there. */
  hear(site: number, page = performance.now()): void {
    const { heard } = this
    if (heard !== undefined && page - heard.page > 2000) {
      const speed = (site - heard.site) / (page - heard.page)
      // A clock that was set tells nothing of its pace.
      if (speed > 0.5 && speed < 1000) this.speed = speed < 1.5 ? 1 : speed
    }
    this.heard = { site, page }
    this.tick(page)
  }

  tick(page = performance.now()): void {
    if (this.heard !== undefined) this.now = this.heard.site + (page - this.heard.page) * this.speed
  }
}

export const siteClock = new SiteClock()
