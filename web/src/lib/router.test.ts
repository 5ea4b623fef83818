import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'

compileRunes()
const { hrefOf, PLACES, Router, routeOf } = await import('./router.svelte.ts')

const ORIGIN = 'https://ethos.example'

/** As much of a browser as a router needs. */
class Browser {
  url = new URL(`${ORIGIN}/plan?part=a`)
  readonly history: string[] = []
  readonly listeners = new Map<string, (event: unknown) => void>()

  /** A click on a link, as the browser tells of it. True: it was left to the browser. */
  click(href: string, more: object = {}): boolean {
    let isLeft = true
    const link = Object.assign(new FakeElement(), {
      target: '',
      hasAttribute: () => false,
      ...linkParts(new URL(href, this.url)),
    })
    const event = { button: 0, target: link, preventDefault: () => (isLeft = false), ...more }
    this.listeners.get('click')?.(event)
    return isLeft
  }

  put(): void {
    const { listeners } = this
    const addEventListener = (name: string, listener: (event: unknown) => void) => listeners.set(name, listener)
    const go = (kind: string) => (_state: unknown, _title: string, href: string) => {
      this.url = new URL(href, this.url)
      this.history.push(`${kind} ${href}`)
    }
    const url = (): URL => this.url
    Object.assign(globalThis, {
      Element: FakeElement,
      window: { addEventListener, scrollTo: () => undefined },
      document: { addEventListener },
      history: { pushState: go('push'), replaceState: go('replace') },
      location: {
        origin: ORIGIN,
        get href() {
          return url().href
        },
        get pathname() {
          return url().pathname
        },
        get search() {
          return url().search
        },
      },
    })
  }
}

class FakeElement {
  closest(): this {
    return this
  }
}

function linkParts({ href, origin, pathname, search, hash }: URL) {
  return { href, origin, pathname, search, hash }
}

let browser = new Browser()
let router = new Router()
beforeEach(() => {
  browser = new Browser()
  browser.put()
  router = new Router()
  router.start()
})
after(() => {
  for (const name of ['Element', 'window', 'document', 'history', 'location']) Reflect.deleteProperty(globalThis, name)
})

test('every place has an address that leads to it', () => {
  for (const place of PLACES) {
    const route = place === 'host' || place === 'vm' ? { place, name: 'a/b #1' } : { place }
    assert.deepEqual(routeOf(hrefOf(route)), route)
  }
})

test('an address of no page is of none, whatever it holds', () => {
  for (const path of ['/nothing', '/hosts/', '/hosts/%', '/hosts/a/b', '/plan/a', '/cluster', '/host'])
    assert.equal(routeOf(path), undefined, path)
})

test('it begins with what the address says', () => {
  assert.deepEqual([router.route, router.query.get('part')], [{ place: 'plan' }, 'a'])
})

test('a click on a link of ours is a step in the history, and loads nothing anew', () => {
  assert.equal(browser.click('/vms/web%201?x=1#rest'), false)
  assert.deepEqual(browser.history, ['push /vms/web%201?x=1#rest'])
  assert.deepEqual([router.route, router.query.get('x')], [{ place: 'vm', name: 'web 1' }, '1'])
})

test('a click on where one is already is no step', () => {
  assert.equal(browser.click('/plan?part=a'), false)
  assert.deepEqual(browser.history, [])
})

test('what is not ours, or is to open elsewhere, is left to the browser', () => {
  assert.equal(browser.click('https://elsewhere.example/plan'), true)
  assert.equal(browser.click('/metrics'), true)
  assert.equal(browser.click('/plan', { ctrlKey: true }), true)
  assert.equal(browser.click('/plan', { button: 1 }), true)
  assert.equal(browser.click('/plan', { defaultPrevented: true }), true)
  assert.deepEqual(browser.history, [])
})

test('a link into the same page is left to the browser, which goes there and takes the focus along', () => {
  assert.equal(browser.click('/plan?part=a#main'), true)
  assert.deepEqual(browser.history, [])
})

test('a word of the query is set without a step in the history, and taken away when it is empty', () => {
  router.set('move', 'm 1')
  assert.deepEqual([browser.history, router.query.get('move')], [['replace /plan?part=a&move=m+1'], 'm 1'])
  router.set('move', undefined)
  router.set('part', '')
  assert.deepEqual(browser.history.slice(1), ['replace /plan?part=a', 'replace /plan'])
})

test('going back is heard', () => {
  browser.url = new URL(`${ORIGIN}/hosts`)
  browser.listeners.get('popstate')?.({})
  assert.deepEqual(router.route, { place: 'hosts' })
})
