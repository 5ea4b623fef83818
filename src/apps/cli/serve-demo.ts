/** `ethos serve --demo`: starts it, says where it is, and ends it when somebody asks or its time is over. */
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import { SECOND_MS } from '../../terms/units.ts'
import { writeCompiled } from '../compile-cache.ts'
import { startDemo } from '../demo-site/demo.ts'
import { makeLog } from '../server/log.ts'
import { requireLoopback } from '../server/listening.ts'
import type { SiteServer } from '../server/site-server.ts'
import { UsageError } from '../usage-error.ts'
import { parseListen } from './listen-words.ts'
import type { ServeOptions } from './server-command.ts'
import { parseTurnsKept } from './turns-kept.ts'
import { readVersion } from './version.ts'

const FOR_SEC_MAX = 86_400
/** What `--turn-every` is where nobody says. */
const TURN_EVERY = '60'

export async function serveDemo(options: ServeOptions): Promise<void> {
  const { host, port } = parseListen(options.listen)
  requireLoopback({ host, port })
  requireOfDemo(options)
  const forMs = parseFor(options.for)
  const log = makeLog(options.jsonLogs === true ? 'json' : 'text', (text) => void process.stderr.write(text))
  await requireFree(host, port)
  const signalled = signal()
  process.stdout.write('Starting the demo: a simulated cluster under the real server. It takes some seconds.\n')
  const demo = await startDemo({
    ...(options.data === undefined ? {} : { data: resolvePath(options.data) }),
    host,
    port,
    version: readVersion(),
    log,
    areMetricsOpen: options.openMetrics === true,
    turnBytesMax: options.data === undefined ? 0 : parseTurnsKept(options.turnsKept),
  })
  writeCompiled()
  tellWhere(demo.server, { host, forMs, data: options.data })
  const why = await Promise.race([signalled, timeOver(forMs)])
  log.info({ why }, 'ending')
  await demo.close()
}

/** What a real site can be told, and a demo would not heed. */
function requireOfDemo({ store, name, channel, channels, turnEvery, data }: ServeOptions): void {
  const refused: readonly (readonly [flag: string, value: unknown, remedy: string])[] = [
    ['--store', store, 'A demo keeps its imagined hosts in a folder of its own: leave it out.'],
    ['--name', name?.join(' '), 'No agent calls a demo: leave it out.'],
    ['--channel', channel?.join(' '), 'A demo has no guests of this machine: leave it out.'],
    ['--channels', channels?.join(' '), 'A demo has no guests of this machine: leave it out.'],
    ['--turn-every', turnEvery === TURN_EVERY ? undefined : turnEvery, 'A demo takes a turn each minute of its time.'],
  ]
  for (const [flag, value, remedy] of refused) if (value !== undefined) throw new UsageError(flag, value, remedy)
  if (data === '' || (data !== undefined && statSync(data, { throwIfNoEntry: false })?.isDirectory() === false))
    throw new UsageError('--data', data, 'Expected a folder, which is made where it is missing.')
}

/** The address holds a token that signs one browser in: shown where people look, and not in the log. */
function tellWhere(
  { port, makeOneTimeToken }: SiteServer,
  about: { readonly host: string; readonly forMs: number | undefined; readonly data: string | undefined },
): void {
  const { host, forMs, data } = about
  const name = host.includes(':') ? `[${host}]` : host
  const ends = forMs === undefined ? 'Ctrl-C ends it' : `It ends by itself after ${forMs / SECOND_MS} s, or by Ctrl-C`
  const kept = data === undefined ? 'Nothing of it is kept.' : `What it learns is kept in ${resolvePath(data)}.`
  process.stdout.write(
    `\nOpen  http://${name}:${port}/#token=${makeOneTimeToken('admin')}\n\n` +
      `The token signs one browser in, within ten minutes. A minute of the site passes in a second. ${ends}. ${kept}\n`,
  )
}

/** Said at once, and not when all else is made. */
async function requireFree(host: string, port: number): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen({ host, port }, resolve)
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const why = code === 'EADDRINUSE' ? 'Another program listens there' : 'It can not be listened on'
    const remedy = `${why} (${code}). Another port: --listen ${host}:${port === 65_535 ? port - 1 : port + 1}.`
    throw new UsageError('--listen', `${host}:${port}`, remedy)
  } finally {
    await new Promise<void>((resolve) => {
      probe.close(() => resolve())
    })
  }
}

/** One that comes while it starts counts as well; one that comes while it ends changes nothing, or its folder would stay. */
function signal(): Promise<string> {
  return new Promise((come) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => come(name))
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
