/** What runs in the page that is measured, before anything of its own: text, for the tools know no document. */

/** Of one thing that was done: how long until the next frame showed what came of it, and the longest time without a frame. */
export interface Felt {
  /** From the input to the frame after it, the longest where there were several. */
  readonly latencyMs: number
  /** The same as the browser's Event Timing has it, in steps of 8 ms; 0: all were below 16. */
  readonly eventMs: number
  /** Longest time from one frame to the next; a quiet page has one each 16.7 ms. */
  readonly frameGapMs: number
}

/** `scaleProbe` in the page: `reset`, `read`, `settled`, `since` an input until a selector finds something. */
export const PROBE = `(() => {
  let latencyMs = 0, eventMs = 0, frameGapMs = 0, inputAt = 0, lastFrame = 0, listAt = 0
  const INPUTS = ['pointerdown', 'pointerup', 'click', 'keydown', 'input', 'change', 'pointermove', 'wheel', 'scroll']
  for (const name of INPUTS)
    window.addEventListener(name, (event) => {
      const at = event.timeStamp
      if (name === 'click' || name === 'input') inputAt = at
      // A task that is posted within a frame runs after the frame was handed over to be painted.
      requestAnimationFrame(() => {
        const channel = new MessageChannel()
        channel.port1.onmessage = () => { latencyMs = Math.max(latencyMs, performance.now() - at) }
        channel.port2.postMessage(0)
      })
    }, { capture: true, passive: true })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) eventMs = Math.max(eventMs, entry.duration)
  }).observe({ type: 'event', durationThreshold: 16 })
  const frame = (at) => {
    if (lastFrame > 0) frameGapMs = Math.max(frameGapMs, at - lastFrame)
    lastFrame = at
    if (listAt === 0 && document.querySelector('[role=row][aria-rowindex="2"]') !== null) listAt = performance.now()
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  const frames = (count) => new Promise((resolve) => {
    const next = () => count-- > 0 ? requestAnimationFrame(next) : resolve()
    next()
  })
  window.scaleProbe = {
    reset: async () => {
      await frames(2)
      latencyMs = eventMs = frameGapMs = 0
    },
    read: async () => {
      await frames(3)
      // Event Timing tells of an event after the frame that shows it.
      await new Promise((resolve) => setTimeout(resolve, 50))
      return { latencyMs, eventMs, frameGapMs }
    },
    since: async (selector) => {
      for (let i = 0; i < 3600; i++) {
        if (document.querySelector(selector) !== null) return performance.now() - inputAt
        await frames(1)
      }
      throw new Error('nothing on the page is ' + selector)
    },
    frame: () => frames(2),
    rows: () => document.querySelectorAll('[role=row]').length,
    begin: () => {
      const paint = (name) => performance.getEntriesByName(name)[0]?.startTime ?? 0
      return { firstPaintMs: paint('first-paint'), contentfulMs: paint('first-contentful-paint'), listMs: listAt }
    },
  }
})()`
