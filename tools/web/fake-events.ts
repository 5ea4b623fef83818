/** A stream of server-sent events for tests of the page, in place of the browser's. */

export class FakeEventSource {
  static readonly CLOSED = 2
  /** All that were opened, in order. */
  static readonly opened: FakeEventSource[] = []
  readyState = 0
  private readonly listeners = new Map<string, (event: { readonly data?: string }) => void>()

  readonly url: string

  constructor(url: string) {
    this.url = url
    FakeEventSource.opened.push(this)
  }

  /** Puts it where the page looks for the browser's. */
  static put(): void {
    FakeEventSource.opened.length = 0
    Object.assign(globalThis, { EventSource: FakeEventSource })
  }

  static get last(): FakeEventSource {
    const last = FakeEventSource.opened.at(-1)
    if (last === undefined) throw new Error('no stream was opened')
    return last
  }

  addEventListener(name: string, listener: (event: { readonly data?: string }) => void): void {
    this.listeners.set(name, listener)
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED
  }

  /** The server tells something. @param data as it comes over the wire */
  tell(name: string, data = '{}'): void {
    this.listeners.get(name)?.({ data })
  }

  open(): void {
    this.readyState = 1
    this.tell('open')
  }

  /** It breaks; `isRefused`: for good, so that the browser does not come back by itself. */
  break({ isRefused = false } = {}): void {
    this.readyState = isRefused ? FakeEventSource.CLOSED : 0
    this.tell('error')
  }
}
