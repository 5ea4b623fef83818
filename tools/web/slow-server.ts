/** A server for tests of the page: it answers when it is told to, in any order. */

export interface Question {
  readonly path: string
  readonly method: string
  /** As it was sent, read back. */
  readonly body: unknown
  /** Answers it, and lets the page take that in. */
  answer(json: unknown, status?: number): Promise<void>
  /** Nobody answers. */
  fail(): Promise<void>
}

export class SlowServer {
  /** All that was asked, in order. */
  readonly asked: Question[] = []

  /** What the page's `Api` takes for the browser's. */
  readonly fetch = (path: string, init: RequestInit): Promise<Response> => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const { signal } = init
    const stop = (): void => reject(signal?.reason)
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop)
    this.asked.push({
      path,
      method: init.method ?? 'GET',
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
      answer: (json, status = 200) => {
        resolve(new Response(JSON.stringify(json), { status }))
        return settled()
      },
      fail: () => {
        reject(new TypeError('fetch failed'))
        return settled()
      },
    })
    return promise
  }

  /** What was asked last. */
  get last(): Question {
    const last = this.asked.at(-1)
    if (last === undefined) throw new Error('nothing was asked yet')
    return last
  }
}

/** Once all that follows from an answer has happened. A response's body comes over a stream: that takes some turns. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
