/** `ethos login`: keeps where the server is, whom to trust, and the token, in a file that is its owner's alone. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { get, type RequestOptions } from 'node:https'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { pinnedAuthority } from '../pinned-authority.ts'
import { printable } from '../printable.ts'
import type { StatusView } from '../server/views/site.ts'
import { UsageError } from '../usage-error.ts'
import { ask, type AskOptions, codeOf, type Login, loginPath, parseServer, parseToken, readText } from './api-client.ts'
import { ApiError } from './api-error.ts'

export interface LoginOptions extends AskOptions {
  readonly server: string
  /** SHA-256 of the authority's public key, base64url, as `ethos serve` prints it. */
  readonly fingerprint?: string
}

const CA_BYTES_MAX = 64 * 1024
const FETCH_MS = 10_000

export async function login(options: LoginOptions): Promise<void> {
  const server = parseServer(options.server)
  const ca = await authorityOf(server, options)
  const token = parseToken(
    options.tokenFile === undefined ? await readTokenIn() : readText('--token-file', options.tokenFile),
  )
  const kept: Login = { server, ca, token }
  const { you } = (await ask(kept, { path: '/v1/status' })) as Partial<StatusView>
  if (you === undefined) throw ApiError.notUnderstood(server, undefined)
  const path = loginPath()
  keep(path, `${JSON.stringify(kept)}\n`)
  process.stdout.write(printable(`Logged in at ${server} as ${you.name} (${you.role}). Kept in ${path}.\n`))
}

function keep(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // One that was left by another may be open to others.
    rmSync(`${path}.new`, { force: true })
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new UsageError(path, undefined, `It can not be written (${codeOf(error)}).`)
  }
}

/** The authority: from a file, or from the server itself if its key is the one whose digest was told. */
async function authorityOf(server: string, { ca, fingerprint }: LoginOptions): Promise<string> {
  if (ca !== undefined) return readText('--ca', ca)
  if (fingerprint === undefined)
    throw new UsageError(
      '--ca',
      undefined,
      'Name the authority: --ca FILE, or --fingerprint as `ethos serve` printed it at its start.',
    )
  const shown = await fetchAuthority(server, { rejectUnauthorized: false })
  const pinned = pinnedAuthority(shown, fingerprint)
  if (pinned === undefined)
    throw new UsageError('--fingerprint', fingerprint, `${server} shows another authority. Is it really that server?`)
  // Those beside it, which take over one day, are believed only from one whom the first vouches for.
  return fetchAuthority(server, { ca: pinned })
}

function fetchAuthority(server: string, trust: Pick<RequestOptions, 'ca' | 'rejectUnauthorized'>): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const isLate = cause.name === 'AbortError'
      reject(ApiError.unreachable(server, isLate ? new Error(`no answer within ${FETCH_MS / 1000} s`) : cause))
    }
    const options = { ...trust, minVersion: 'TLSv1.3', signal: AbortSignal.timeout(FETCH_MS) } as const
    const asked = get(new URL('/v1/ca', server), options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (text.length > CA_BYTES_MAX) asked.destroy(new Error('what it sends is no authority'))
      })
      response.once('end', () => resolve(text))
      response.once('error', fail)
    })
    asked.on('error', fail)
  })
}

/** A line of standard input; a person's is not echoed. */
function readTokenIn(): Promise<string> {
  const isPerson = process.stdin.isTTY
  if (isPerson) process.stderr.write('Token: ')
  const nothing = new Writable({ write: (_piece, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nothing, terminal: isPerson })
  return new Promise((resolve) => {
    let token = ''
    lines.once('line', (line) => {
      token = line
      lines.close()
    })
    lines.once('close', () => {
      if (isPerson) process.stderr.write('\n')
      resolve(token)
    })
  })
}
