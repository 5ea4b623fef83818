/** What `ethos server`, `ethos authority` and `ethos operator` do. */
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { WallClock } from '../../drivers/wall-clock.ts'
import { parseVmId } from '../../terms/ids.ts'
import { instantText } from '../../terms/shown.ts'
import { DAY_MS, SECOND_MS } from '../../terms/units.ts'
import { Authority } from '../server/authority.ts'
import { writeCompiled } from '../compile-cache.ts'
import { parseChannels } from './channel-options.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { makeLog } from '../server/log.ts'
import { withSite } from '../server/open-site.ts'
import type { RunningServer } from '../server/server.ts'
import { startSiteServer } from '../server/site-server.ts'
import { UsageError } from '../usage-error.ts'
import { tellFirstToken } from './first-token.ts'
import { parseListen } from './listen-words.ts'
import { parseTurnsKept } from './turns-kept.ts'
import { readVersion } from './version.ts'
import type { OperatorOptions, RotateOptions, ServeOptions } from './server-command.ts'
import type { DataOption, ListOptions } from './data-options.ts'

const NAME_PATTERN = /^(?!-)[\w.:-]{1,253}$/

/** Runs until somebody asks it to end. */
export async function serve(options: ServeOptions): Promise<void> {
  if (options.demo === true) return (await import('./serve-demo.ts')).serveDemo(options)
  const { data } = options
  if (data === undefined)
    throw new UsageError('--data', undefined, 'Expected the folder of the site; or --demo, which needs none.')
  if (options.for !== undefined) throw new UsageError('--for', options.for, 'It belongs to --demo.')
  const { host, port } = parseListen(options.listen)
  const names = (options.name ?? ownNames(host)).map(parseName)
  const log = makeLog(options.jsonLogs === true ? 'json' : 'text', (text) => void process.stderr.write(text))
  const server = await startSiteServer({
    dataFolder: data,
    version: readVersion(),
    holder: `${hostname()}:${resolve(data)}`,
    turnEveryMs: parseTurnEvery(options.turnEvery),
    turnBytesMax: parseTurnsKept(options.turnsKept),
    areMetricsOpen: options.openMetrics === true,
    ...(options.store === undefined ? {} : { storeUrl: options.store }),
    host,
    port,
    names,
    clock: new WallClock(),
    log,
    channels: parseChannels(options),
  })
  log.info({ names, authority: server.authority.pin }, `listening on ${host}:${server.port}`)
  writeCompiled()
  if (server.firstToken !== undefined) {
    const { port, authority } = server
    tellFirstToken(server.firstToken, { folder: resolve(data), port, pin: authority.pin })
  }
  await ended(server, (signal) => log.info({ signal }, 'ending'))
}

function parseTurnEvery(text: string): number {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 10 && seconds <= 3600) return seconds * SECOND_MS
  throw new UsageError('--turn-every', text, 'Expected 10 to 3600 seconds.')
}

/** Until somebody asks us to end. */
async function ended(server: RunningServer, say: (signal: string) => void): Promise<void> {
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'))
    process.once('SIGINT', () => resolve('SIGINT'))
  })
  say(signal)
  await server.close()
}

export async function listAuthorities({ data, json }: ListOptions): Promise<void> {
  const authority = await Authority.open(openDataFolder(data, 'there'), new WallClock())
  const authorities = authority.all.map((root) => ({
    number: root.number,
    state: !authority.valid.includes(root) ? 'ended' : root === authority.serving ? 'serves' : 'takes over',
    servesFrom: root.servesFrom,
    endsAt: root.certificate.notAfter.getTime(),
  }))
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ authorities }, null, 2)}\n`)
    return
  }
  for (const { number, state, servesFrom, endsAt } of authorities)
    process.stdout.write(
      `${number}  until ${instantText(endsAt)}  ${state}${state === 'takes over' ? ` ${instantText(servesFrom)}` : ''}\n`,
    )
}

export async function rotateAuthority(options: RotateOptions): Promise<void> {
  const { data, overlapDays } = options
  const days = parseDays('--overlap-days', overlapDays, 0)
  const folder = openDataFolder(data, 'there')
  const clock = new WallClock()
  const authority = await Authority.open(folder, clock)
  const { number, servesFrom } = await authority.rotate(days * DAY_MS)
  await note(options, 'authority rotated', `number ${number}, ${days} days of overlap`)
  process.stdout.write(`Authority ${number} signs from now on, and is alone from ${instantText(servesFrom)}.\n`)
}

export async function createOperator(options: OperatorOptions): Promise<void> {
  const name = parseVmId(options.operator, '--operator')
  const days = parseDays('--days', options.days, 1)
  const folder = openDataFolder(options.data, 'there')
  const authority = await Authority.open(folder, new WallClock())
  const made = await authority.forOperator(name, days * DAY_MS)
  const text = `${made.certificate}\n${made.privateKey}\n${authority.pem}`
  try {
    writeFileSync(options.out, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const remedy = `It can not be written (${code}). Expected a new file in a folder of yours.`
    throw new UsageError('--out', options.out, remedy)
  }
  await note(options, 'operator created', `for ${name}, ${days} days`)
  process.stdout.write(`${options.out}: good for ${days} days. Its key is in it: keep it like a password.\n`)
}

async function note(options: DataOption, what: string, reason: string): Promise<void> {
  await withSite(options, (store) => store.audit.add({ at: new WallClock().now(), what, from: 'command line', reason }))
}

function ownNames(host: string): readonly string[] {
  const isAny = host === '0.0.0.0' || host === '::'
  return [...new Set([hostname(), 'localhost', '127.0.0.1', ...(isAny ? [] : [host])])]
}

function parseName(name: string): string {
  if (NAME_PATTERN.test(name)) return name
  throw new UsageError('--name', name, 'Expected a host name or an address.')
}

function parseDays(option: string, text: string, min: number): number {
  const days = Number(text)
  if (text.trim() !== '' && days >= min && days <= 3650) return days
  throw new UsageError(option, text, `Expected ${min} to 3650.`)
}
