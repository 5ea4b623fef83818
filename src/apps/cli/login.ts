/** `ethos login`: keeps where the server is, whom to trust, and the token, in a file that is its owner's alone. */
import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { printable } from '../printable.ts'
import type { StatusView } from '../server/views/site.ts'
import { UsageError } from '../usage-error.ts'
import { ask, type AskOptions, type Login, loginPath, parseServer, parseToken } from './api-client.ts'
import { ApiError } from './api-error.ts'

export interface LoginOptions extends AskOptions {
  readonly server: string
  /** SHA-256 of the authority's public key, base64url, as `ethos serve` prints it. */
  readonly fingerprint?: string
}

const CA_BYTES_MAX = 64 * 1024

export async function login(options: LoginOptions): Promise<void> {
  const server = parseServer(options.server)
  const ca = await authorityOf(server, options)
  const token = parseToken(
    options.tokenFile === undefined ? await readTokenIn() : read('--token-file', options.tokenFile),
  )
  const kept: Login = { server, ca, token }
  const { you } = (await ask(kept, { path: '/v1/status' })) as StatusView
  const path = loginPath()
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, `${JSON.stringify(kept)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
  process.stdout.write(printable(`Logged in at ${server} as ${you.name} (${you.role}). Kept in ${path}.\n`))
}

/** The authority: from a file, or from the server itself if its key is the one whose digest was told. */
async function authorityOf(server: string, { ca, fingerprint }: LoginOptions): Promise<string> {
  if (ca !== undefined) return read('--ca', ca)
  if (fingerprint === undefined)
    throw new UsageError(
      '--ca',
      undefined,
      'Name the authority: --ca FILE, or --fingerprint as `ethos serve` printed it at its start.',
    )
  const pem = await fetchAuthority(server)
  for (const [part] of pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g))
    if (fingerprintOf(part) === fingerprint) return pem
  throw new UsageError('--fingerprint', fingerprint, `${server} shows another authority. Is it really that server?`)
}

/** SHA-256 of the public key, base64url: what join tokens pin as well. */
function fingerprintOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64url')
}

/** Nothing is believed that comes back before its digest is compared. */
function fetchAuthority(server: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(new URL('/v1/ca', server), { rejectUnauthorized: false, timeout: 10_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
        if (text.length > CA_BYTES_MAX) asked.destroy(new Error('what it sends is no authority'))
      })
      response.once('end', () => resolve(text))
    })
    asked.once('timeout', () => asked.destroy(new Error('no answer within 10 s')))
    asked.once('error', (cause) => reject(ApiError.unreachable(server, cause)))
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

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UsageError(option, path, `It can not be read (${code}).`)
  }
}
