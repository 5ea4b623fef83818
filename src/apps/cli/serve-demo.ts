/** `ethos serve --demo`: starts it, says where it is, and ends it when somebody asks or its time is over. */
import { resolve } from 'node:path'
import { SECOND_MS } from '../../terms/units.ts'
import { writeCompiled } from '../compile-cache.ts'
import { startDemo } from '../demo-site/demo.ts'
import { makeLog } from '../server/log.ts'
import { UsageError } from '../usage-error.ts'
import { tellFirstToken } from './first-token.ts'
import { parseListen } from './listen-words.ts'
import type { ServeOptions } from './server-command.ts'
import { readVersion } from './version.ts'

const FOR_SEC_MAX = 86_400
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

export async function serveDemo(options: ServeOptions): Promise<void> {
  const { host, port } = parseListen(options.listen)
  if (!LOOPBACK.test(host))
    throw new UsageError('--listen', options.listen, 'The demo listens on this machine alone: 127.0.0.1:PORT.')
  const forMs = parseFor(options.for)
  const log = makeLog(options.jsonLogs === true ? 'json' : 'text', (text) => void process.stderr.write(text))
  const ending = endOf(forMs)
  const demo = await startDemo({
    ...(options.data === undefined ? {} : { data: resolve(options.data) }),
    host,
    port,
    names: ['localhost', '127.0.0.1', host],
    version: readVersion(),
    log,
    areMetricsOpen: options.openMetrics === true,
  })
  writeCompiled()
  const { server } = demo
  log.info({}, `the demo listens on ${host}:${server.port}`)
  if (server.firstToken !== undefined)
    tellFirstToken(server.firstToken, { folder: options.data ?? '.', port: server.port, pin: server.authority.pin })
  const why = await ending
  log.info({ why }, 'ending')
  await demo.close()
}

/** A signal that comes while it starts counts as well. */
async function endOf(forMs: number | undefined): Promise<string> {
  return new Promise((end) => {
    process.once('SIGTERM', () => end('SIGTERM'))
    process.once('SIGINT', () => end('SIGINT'))
    if (forMs !== undefined) setTimeout(() => end(`its ${forMs / SECOND_MS} s are over`), forMs)
  })
}

function parseFor(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 1 && seconds <= FOR_SEC_MAX) return seconds * SECOND_MS
  throw new UsageError('--for', text, `Expected 1 to ${FOR_SEC_MAX} seconds.`)
}
