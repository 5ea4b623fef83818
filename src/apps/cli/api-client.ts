/** Asks a running server, as a person or a program with an API token does. */
import { readFileSync, statSync } from 'node:fs'
import { request, type RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ApiError } from './api-error.ts'
import { UsageError } from '../usage-error.ts'

/** Where to ask and as whom; each may come from an option, the environment or `ethos login`. */
export interface AskOptions {
  readonly server?: string
  readonly ca?: string
  readonly tokenFile?: string
  readonly json?: boolean
}

/** What `ethos login` keeps in `cli.json`, its owner's alone. */
export interface Login {
  readonly server: string
  /** PEM of the authority that the server's certificate must be signed by. */
  readonly ca: string
  readonly token: string
}

const TIMEOUT_MS = 60_000
/** Ten thousand VMs in one list are some 5 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const TOKEN = /^ethos_[0-9a-f]{16}_[\w-]{43}$/

/** Path of the kept login: below `$XDG_CONFIG_HOME`, else below `~/.config`. */
export function loginPath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(setIn(environment, 'XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'ethos', 'cli.json')
}

/** Reads where to ask. Throws a `UsageError` that says how to log in. */
export function findLogin(options: AskOptions, environment: NodeJS.ProcessEnv = process.env): Login {
  const caFile = options.ca ?? setIn(environment, 'ETHOS_CA')
  const ca = caFile === undefined ? undefined : readText('--ca', caFile)
  const told = options.server ?? setIn(environment, 'ETHOS_SERVER')
  const server = told === undefined ? undefined : parseServer(told)
  const token = findToken(options, environment)
  if (server !== undefined && token !== undefined && ca !== undefined) return { server, ca, token: parseToken(token) }
  const kept = readKept(loginPath(environment))
  // What was kept for one server goes to no other, unless the authority vouches for it that was kept with it.
  const isKeptFor = kept !== undefined && (server === undefined || server === kept.server || ca === undefined)
  const where = server ?? kept?.server
  const whose = token ?? (isKeptFor ? kept.token : undefined)
  if (where === undefined || whose === undefined)
    throw new UsageError(
      where === undefined ? '--server' : '--token-file',
      undefined,
      'Log in once: ethos login --server https://ethos.example:8470 --ca ca.pem. Or set ETHOS_SERVER, ETHOS_CA and ETHOS_TOKEN_FILE.',
    )
  return { server: parseServer(where), ca: ca ?? kept?.ca ?? '', token: parseToken(whose) }
}

function findToken({ tokenFile }: AskOptions, environment: NodeJS.ProcessEnv): string | undefined {
  if (tokenFile !== undefined) return readText('--token-file', tokenFile)
  const file = setIn(environment, 'ETHOS_TOKEN_FILE')
  return file === undefined ? setIn(environment, 'ETHOS_TOKEN') : readText('ETHOS_TOKEN_FILE', file)
}

/** What is set to nothing is not set: shells and containers make such. */
function setIn(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name]
  return value === '' ? undefined : value
}

/** An address that we would send a token to: HTTPS alone. */
export function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.username === '' && url.pathname === '/') return url.origin
  // What stands before the @ is a password.
  throw new UsageError(
    '--server',
    text.replace(/\/\/.*@/s, '//...@'),
    'Expected https://NAME:PORT, such as https://ethos.example:8470.',
  )
}

export function parseToken(text: string): string {
  const token = text.trim()
  if (TOKEN.test(token)) return token
  throw new UsageError(
    'token',
    // Whatever it is, it may be a secret of something else.
    `text of ${token.length} characters`,
    'Expected a token as `ethos serve` or `ethos tokens create` printed it.',
  )
}

export type Query = Readonly<Record<string, string | number | undefined>>

/** One question. */
export interface Question {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Already encoded. */
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
}

/** Asks and reads the JSON that comes back. Throws an `ApiError`, with the exit code that the command line ends with. */
export async function ask(login: Login, question: Question): Promise<unknown> {
  const { status, text } = await send(login, question)
  const answer = parseAnswer(text)
  if (status < 300 && answer !== NO_JSON) return answer
  throw ApiError.ofAnswer(status, answer, login.server)
}

/** `/v1/vms/` and a name, as it may stand in a path. */
export function pathOf(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join('/')}`
}

function send(login: Login, question: Question): Promise<{ readonly status: number; readonly text: string }> {
  const url = new URL(question.path, login.server)
  for (const [name, value] of Object.entries(question.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value))
  const body = question.body === undefined ? undefined : JSON.stringify(question.body)
  const options: RequestOptions = {
    method: question.method ?? 'GET',
    minVersion: 'TLSv1.3',
    // Of the whole: a server that drips would never be idle.
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(login.ca === '' ? {} : { ca: login.ca }),
    headers: {
      authorization: `Bearer ${login.token}`,
      accept: 'application/json',
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    },
  }
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const isLate = cause.name === 'AbortError'
      reject(ApiError.unreachable(login.server, isLate ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : cause))
    }
    const asked = request(url, options, (response) => {
      const pieces: Buffer[] = []
      let bytes = 0
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes <= ANSWER_BYTES_MAX) pieces.push(piece)
        else asked.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`))
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }))
      response.once('error', fail)
    })
    asked.on('error', fail)
    asked.end(body)
  })
}

const NO_JSON = { error: { message: 'The answer is not JSON. Is this an Ethos server?' } }

function parseAnswer(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return NO_JSON
  }
}

function readKept(path: string): Login | undefined {
  let text: string
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new UsageError(path, undefined, `Others may read it, and it holds a token. Try: chmod 600 ${path}`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new UsageError(path, undefined, `It can not be read (${code}).`)
  }
  try {
    const { server, ca, token } = JSON.parse(text) as Partial<Login>
    if (typeof server === 'string' && typeof ca === 'string' && typeof token === 'string') return { server, ca, token }
  } catch {
    // Said below.
  }
  throw new UsageError(path, undefined, 'It is damaged. Log in again: ethos login')
}

/** Text of a file that an option names. Throws a `UsageError`. */
export function readText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(option, path, `It can not be read (${codeOf(error)}).`)
  }
}

/** A file as JSON. Throws a `UsageError`. */
export function readJson(option: string, path: string): unknown {
  const text = readText(option, path)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    // What stands there may be a secret: V8 would quote its beginning.
    const where = error instanceof Error ? error.message.replace(/, ".*$/s, '') : ''
    throw new UsageError(option, path, `It is no JSON (${where}).`)
  }
}

/** Of an error of the system, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
