/** A browser that is told what to do over one socket and nothing else, for its memory: where Playwright drives a page, its process keeps the bodies of all
 *  answers for whoever might ask for them, 100 MB of them and more. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MINUTE_MS } from '../../../src/terms/units.ts'
import { browserPath } from '../page-bench.ts'

export interface Memory {
  /** Used by JavaScript, garbage included that nobody collected yet. */
  readonly heapMiB: number
  /** Of the page's process what is its own, as Chromium counts a footprint: anonymous memory, and what of it was swapped out. */
  readonly ownMiB: number
  /** Of the page's process, with the browser's program and what it shares with others. */
  readonly residentMiB: number
}

interface Answer {
  readonly id?: number
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--window-size=1280,900',
  '--remote-debugging-port=0',
]
const MiB = 2 ** 20
const KiB = 1024

export class PlainBrowser {
  private readonly child: ChildProcess
  private readonly folder: string
  private readonly socket: WebSocket
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private asked = 0
  private session = ''

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.child = child
    this.folder = folder
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer
      if (answer.id === undefined) return
      this.waiting.get(answer.id)?.(answer)
      this.waiting.delete(answer.id)
    })
  }

  /** One empty page, that will be signed in wherever it goes.
   *  @param cookie `name=value` of the session */
  static async begin(base: string, cookie: string): Promise<PlainBrowser> {
    const folder = mkdtempSync(join(tmpdir(), 'ethos-browser-'))
    const child = spawn(browserPath(), [...ARGS, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const socket = new WebSocket(await addressOf(child))
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    const browser = new PlainBrowser(child, folder, socket)
    const [name, value] = cookie.split('=')
    await browser.tell('Storage.setCookies', {
      cookies: [{ name, value, url: base, httpOnly: true, sameSite: 'Strict' }],
    })
    const { targetId } = await browser.tell('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await browser.tell('Target.attachToTarget', { targetId, flatten: true })
    browser.session = String(sessionId)
    await browser.tell('Performance.enable')
    return browser
  }

  async go(url: string): Promise<void> {
    await this.tell('Page.navigate', { url })
  }

  /** Runs in the page, and gives what its promise comes to. */
  async evaluate(expression: string): Promise<unknown> {
    const told = await this.tell('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    if (told['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(told['exceptionDetails']).slice(0, 500))
    return (told['result'] as { readonly value?: unknown }).value
  }

  async collectGarbage(): Promise<void> {
    await this.tell('HeapProfiler.collectGarbage')
  }

  async memory(): Promise<Memory> {
    const { metrics } = await this.tell('Performance.getMetrics')
    const heap = (metrics as { name: string; value: number }[]).find(({ name }) => name === 'JSHeapUsedSize')?.value
    // The browser keeps a process ready beside: the page's is the one with the most.
    const { processInfo } = await this.tell('SystemInfo.getProcessInfo', {}, false)
    const all = (processInfo as { type: string; id: number }[])
      .filter(({ type }) => type === 'renderer')
      .map(({ id }) => processMemory(id))
    const { own, resident } = all.reduce((most, one) => (one.own > most.own ? one : most))
    return { heapMiB: (heap ?? NaN) / MiB, ownMiB: own / MiB, residentMiB: resident / MiB }
  }

  async end(): Promise<void> {
    this.socket.close()
    this.child.kill('SIGTERM')
    if (this.child.exitCode === null) await once(this.child, 'exit')
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  /** @param isOfPage whether the page is told, and not the browser */
  private tell(method: string, params: object = {}, isOfPage = true): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.asked
    const session = isOfPage && this.session !== '' ? { sessionId: this.session } : {}
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} is not answered`)), MINUTE_MS)
      this.waiting.set(id, ({ result = {}, error }) => {
        clearTimeout(timer)
        if (error === undefined) resolve(result)
        else reject(new Error(`${method}: ${error.message}`))
      })
      this.socket.send(JSON.stringify({ id, method, params, ...session }))
    })
  }
}

/** Where it listens, which it says once it does. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('the browser has no standard error')
  for await (const line of createInterface(child.stderr)) {
    const [, address] = /^DevTools listening on (ws:\S+)$/.exec(line) ?? []
    if (address !== undefined) {
      child.stderr.resume()
      return address
    }
  }
  throw new Error('the browser ended before it listened')
}

function processMemory(pid: number): { readonly own: number; readonly resident: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const of = (name: string): number => KiB * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
  return { own: of('RssAnon') + of('VmSwap'), resident: of('VmRSS') }
}
