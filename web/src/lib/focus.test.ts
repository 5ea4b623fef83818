import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { focusOn } from './focus.ts'

/** Of an element what focus asks of it. What can't have it leaves it where it is, as a browser does. */
class FakeElement {
  readonly isConnected: boolean
  private readonly canHaveIt: boolean

  constructor({ isConnected = true, canHaveIt = true } = {}) {
    this.isConnected = isConnected
    this.canHaveIt = canHaveIt
  }

  focus(): void {
    if (this.isConnected && this.canHaveIt) page.activeElement = this
  }
}

const body = new FakeElement({ canHaveIt: false })
const main = new FakeElement()
const page = {
  body,
  activeElement: body,
  querySelector: (selector: string) => (selector === '#main' ? main : null),
}

beforeEach(() => {
  Object.assign(globalThis, { document: page, HTMLElement: FakeElement })
})
afterEach(() => {
  for (const name of ['document', 'HTMLElement']) Reflect.deleteProperty(globalThis, name)
})

function focusedAfter(element: FakeElement | null): FakeElement {
  page.activeElement = body
  focusOn(element)
  return page.activeElement
}

test('what was focused before is focused again', () => {
  const button = new FakeElement()
  assert.equal(focusedAfter(button), button)
})

test('where nothing was focused, keys go on from the page’s content', () => {
  assert.equal(focusedAfter(null), main)
  // That is what a browser calls focused where nothing is.
  assert.equal(focusedAfter(body), main)
})

test('where it is gone, or can’t be focused any more, keys go on from the page’s content', () => {
  assert.equal(focusedAfter(new FakeElement({ isConnected: false })), main)
  assert.equal(focusedAfter(new FakeElement({ canHaveIt: false })), main)
})
