/** Where keys go on. */

/** Gives the focus to it; where it is gone, to the page's content: never to nothing, from where Tab would begin at the top. */
export function focusOn(element: Element | null): void {
  const target = element instanceof HTMLElement && element.isConnected ? element : document.querySelector('#main')
  if (target instanceof HTMLElement) target.focus({ preventScroll: true })
}
