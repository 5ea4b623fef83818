/** Speaks to the server over HTTPS: takes an identity by a token, renews it, sends vectors (decision 0009). */
import { parseFields, parseJson, parseList, ParseError, parseText } from '../../terms/parse.ts'
import { type HttpAnswer, type Machine, MachineError, type TlsIdentity } from './machine.ts'

const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 64 * 1024
const TOKEN_PATTERN = /^ethos1\.([0-9a-f]{16})\.([\w-]{43})\.([\w-]{43})$/

/** Who we are, to the server: all in PEM. */
export interface Identity extends TlsIdentity {
  readonly vm: string
  readonly authorities: string
  readonly certificate: string
  readonly privateKey: string
}

/** What came of sending a batch. */
export type SendResult =
  | { readonly kind: 'acknowledged'; readonly refused: number }
  | { readonly kind: 'later'; readonly afterMs?: number; readonly reason: string }
  | { readonly kind: 'shut out'; readonly reason: string }

/** Takes an identity by a one-time token. The server's authority is believed only if it is the one that the token names.
 *  Throws `MachineError` or `ParseError`. */
export async function joinServer(
  machine: Machine,
  { server, vm, token }: { server: string; vm: string; token: string },
): Promise<Identity> {
  const [, id, secret, pin] = TOKEN_PATTERN.exec(token.trim()) ?? []
  if (id === undefined)
    throw new ParseError(
      'join token',
      '(hidden)',
      'It is not whole. Expected ethos1.ID.SECRET.PIN, as `ethos token create` prints it.',
    )
  const authorities = await fetchAuthorities(machine, server, pin)
  const key = machine.secrets.newKey()
  const publicKey = base64(key.publicDer)
  const proof = base64(machine.secrets.sign(key.privatePem, ascii(`ethos-join|${vm}|${id}|${publicKey}`)))
  const body = JSON.stringify({ vm, token: `${id}.${secret}`, publicKey, proof })
  const answer = await post(machine, `${server}/v1/join`, { body, type: 'application/json', tls: { authorities } })
  if (answer.status !== 200)
    throw new MachineError(
      'EACCES',
      `${server} refused the token (${answer.status}). Was it used, is it older than 10 minutes, or for another VM than ${vm}?`,
    )
  return { vm, privateKey: key.privatePem, ...parseCertificate(answer) }
}

/** A new key and certificate with the old ones. */
export async function renewIdentity(machine: Machine, server: string, identity: Identity): Promise<Identity> {
  const key = machine.secrets.newKey()
  const publicKey = base64(key.publicDer)
  const proof = base64(machine.secrets.sign(key.privatePem, ascii(`ethos-renew|${identity.vm}|${publicKey}`)))
  const answer = await post(machine, `${server}/v1/renew`, {
    body: JSON.stringify({ publicKey, proof }),
    type: 'application/json',
    tls: identity,
  })
  if (answer.status !== 200)
    throw new MachineError('EACCES', `${server} did not renew the certificate of ${identity.vm} (${answer.status})`)
  machine.network.dropConnections()
  return { vm: identity.vm, privateKey: key.privatePem, ...parseCertificate(answer) }
}

/** Sends lines. Never throws for what network or server do. */
export async function sendVectors(
  machine: Machine,
  { server, identity, lines }: { server: string; identity: Identity; lines: readonly string[] },
): Promise<SendResult> {
  try {
    const answer = await post(machine, `${server}/v1/vectors`, {
      body: `${lines.join('\n')}\n`,
      type: 'application/x-ndjson',
      tls: identity,
    })
    if (answer.status === 200) {
      const refused = parseList(
        parseFields(parseJson(answer.body, 'answer'), 'answer')['refused'],
        'answer.refused',
        lines.length,
      )
      return { kind: 'acknowledged', refused: refused.length }
    }
    if (answer.status === 401 || answer.status === 403)
      return { kind: 'shut out', reason: `${server} answered ${answer.status} ${answer.body.slice(0, 100)}` }
    const afterSec = Number.parseInt(answer.headers['retry-after'] ?? '', 10)
    const reason = `${server} answered ${answer.status}`
    return Number.isFinite(afterSec) ? { kind: 'later', afterMs: afterSec * 1000, reason } : { kind: 'later', reason }
  } catch (error) {
    if (error instanceof MachineError || error instanceof ParseError) return { kind: 'later', reason: error.message }
    throw error
  }
}

/** The one request whose server is not verified, and that sends nothing: what it gives must hash to what the operator's token says. */
async function fetchAuthorities(machine: Machine, server: string, pin: string): Promise<string> {
  const answer = await machine.network.fetchUnverified(`${server}/v1/ca`, {
    timeoutMs: TIMEOUT_MS,
    answerBytesMax: ANSWER_BYTES_MAX,
  })
  const begin = '-----BEGIN CERTIFICATE-----'
  const end = '-----END CERTIFICATE-----'
  for (const part of answer.body.split(begin).slice(1)) {
    const pem = `${begin}${part.slice(0, part.indexOf(end))}${end}\n`
    if (
      base64(machine.secrets.readCertificate(pem).spkiSha256)
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '') === pin
    )
      return pem
  }
  throw new MachineError(
    'EACCES',
    `${server} is not the server that made the token: its authority has another key. Is somebody in between?`,
  )
}

interface PostOptions {
  readonly body: string
  readonly type: string
  readonly tls: TlsIdentity
}

function post(machine: Machine, url: string, { body, type, tls }: PostOptions): Promise<HttpAnswer> {
  return machine.network.request({
    method: 'POST',
    url,
    headers: { 'content-type': type },
    body,
    tls,
    timeoutMs: TIMEOUT_MS,
    answerBytesMax: ANSWER_BYTES_MAX,
  })
}

function parseCertificate({ body }: HttpAnswer): { readonly certificate: string; readonly authorities: string } {
  const fields = parseFields(parseJson(body, 'answer'), 'answer')
  return {
    certificate: parseText(fields['certificate'], 'answer.certificate'),
    authorities: parseText(fields['authorities'], 'answer.authorities', ANSWER_BYTES_MAX),
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}
