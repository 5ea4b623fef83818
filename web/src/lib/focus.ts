/** Where keys go on. */

/** Gives the focus to it; where it is gone, disabled, or only the body, to the page's content: never to nothing, from where Tab would begin at the top. */
export function focusOn(element: Element | null): void {
  // The body is what is focused where nothing is.
  for (const target of [element === document.body ? null : element, document.querySelector('#main')]) {
    if (!(target instanceof HTMLElement && target.isConnected)) continue
    target.focus({ preventScroll: true })
    if (document.activeElement === target) return
  }
}
