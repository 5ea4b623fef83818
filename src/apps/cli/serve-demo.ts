/** `ethos serve --demo`: starts it, says where it is, and ends it when somebody asks or its time is over. */
import { resolve } from 'node:path'
import { SECOND_MS } from '../../terms/units.ts'
import { writeCompiled } from '../compile-cache.ts'
import { startDemo } from '../demo-site/demo.ts'
import { makeLog } from '../server/log.ts'
import type { SiteServer } from '../server/site-server.ts'
import { UsageError } from '../usage-error.ts'
import { parseListen } from './listen-words.ts'
import type { ServeOptions } from './server-command.ts'
import { readVersion } from './version.ts'

const FOR_SEC_MAX = 86_400

export async function serveDemo(options: ServeOptions): Promise<void> {
  const { host, port } = parseListen(options.listen)
  if (options.store !== undefined)
    throw new UsageError('--store', options.store, 'A demo keeps its imagined hosts in a folder of its own: leave it out.')
  const forMs = parseFor(options.for)
  const log = makeLog(options.jsonLogs === true ? 'json' : 'text', (text) => void process.stderr.write(text))
  const signalled = signal()
  process.stdout.write('Starting the demo: a simulated cluster under the real server. It takes some seconds.\n')
  const demo = await startDemo({
    ...(options.data === undefined ? {} : { data: resolve(options.data) }),
    host,
    port,
    version: readVersion(),
    log,
    areMetricsOpen: options.openMetrics === true,
  })
  writeCompiled()
  tellWhere(demo.server, { host, forMs, data: options.data })
  const why = await Promise.race([signalled, timeOver(forMs)])
  log.info({ why }, 'ending')
  await demo.close()
}

/** The address holds a token that signs one browser in: shown where people look, and not in the log. */
function tellWhere(
  { port, makeOneTimeToken }: SiteServer,
  about: { readonly host: string; readonly forMs: number | undefined; readonly data: string | undefined },
): void {
  const { host, forMs, data } = about
  const name = host.includes(':') ? `[${host}]` : host
  const ends = forMs === undefined ? 'Ctrl-C ends it' : `It ends by itself after ${forMs / SECOND_MS} s, or by Ctrl-C`
  const kept = data === undefined ? 'Nothing of it is kept.' : `What it learns is kept in ${resolve(data)}.`
  process.stdout.write(
    `\nOpen  http://${name}:${port}/#token=${makeOneTimeToken('admin')}\n\n` +
      `The token signs one browser in, within ten minutes. A minute of the site passes in a second. ${ends}. ${kept}\n`,
  )
}

/** One that comes while it starts counts as well. */
function signal(): Promise<string> {
  return new Promise((come) => {
    process.once('SIGTERM', () => come('SIGTERM'))
    process.once('SIGINT', () => come('SIGINT'))
  })
}

async function timeOver(forMs: number | undefined): Promise<string> {
  return new Promise((over) => {
    if (forMs !== undefined) setTimeout(() => over(`its ${forMs / SECOND_MS} s are over`), forMs).unref()
  })
}

function parseFor(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 1 && seconds <= FOR_SEC_MAX) return seconds * SECOND_MS
  throw new UsageError('--for', text, `Expected 1 to ${FOR_SEC_MAX} seconds.`)
}
