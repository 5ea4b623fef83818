/** Sends a measurement to the server: `PUT /v1/hosts/{id}/measurement` with an API token. */
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import type { HostId } from '../../terms/ids.ts'
import { UsageError } from '../usage-error.ts'
import type { BenchHostOptions } from './bench-command.ts'

const TOKEN = /^ethos_[0-9a-f]{16}_[\w-]{43}$/
const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 64 * 1024

type Destination = Pick<BenchHostOptions, 'send' | 'tokenFile' | 'ca'>

/** Complains before three minutes of measuring, not after. */
export function checkDestination(options: Destination): void {
  readDestination(options)
}

/** Throws a `UsageError` that says what the server answered. The document is not lost: `--out` writes it first. */
export async function sendMeasurement(text: string, hostId: HostId, options: Destination): Promise<void> {
  const { base, token, ca } = readDestination(options)
  const url = new URL(`/v1/hosts/${encodeURIComponent(hostId)}/measurement`, base)
  const { status, answer } = await put(url, text, { token, ...(ca === undefined ? {} : { ca }) })
  if (status >= 200 && status < 300) return
  const hint = status === 401 || status === 403 ? 'Is the token one of an operator, and not revoked? ' : ''
  throw new UsageError('--send', url.href, `${hint}The server answered ${status}: ${answer.slice(0, 500)}`)
}

function readDestination({ send = '', tokenFile, ca }: Destination) {
  const base = URL.canParse(send) ? new URL(send) : undefined
  if (base?.protocol !== 'https:' || base.username !== '')
    throw new UsageError(
      '--send',
      send,
      'Expected an address such as https://ethos.example:8443: a token goes over TLS only.',
    )
  if (tokenFile === undefined) throw new UsageError('--send', send, 'Name the file of an API token by --token-file.')
  const token = readFile('--token-file', tokenFile).trim()
  // The token is not shown: it may be a real one with a blank in it.
  if (!TOKEN.test(token))
    throw new UsageError('--token-file', tokenFile, 'Expected one API token: ethos_<id>_<secret>.')
  return { base, token, ...(ca === undefined ? {} : { ca: readFile('--ca', ca) }) }
}

function readFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(option, path, `It can’t be read (${error instanceof Error ? error.message : String(error)}).`)
  }
}

interface Credentials {
  readonly token: string
  readonly ca?: string
}

function put(url: URL, body: string, { token, ca }: Credentials): Promise<{ status: number; answer: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const hint = 'Does the server run there, and is --ca its authority’s certificate?'
      reject(new UsageError('--send', url.href, `It was not reached (${error.message}). ${hint}`))
    }
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    }
    const call = request(url, { method: 'PUT', headers, timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) })
    call.once('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    call.once('error', fail)
    call.once('response', (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (answer.length < ANSWER_BYTES_MAX) answer += chunk
      })
      response.once('error', fail)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, answer }))
    })
    call.end(body)
  })
}
