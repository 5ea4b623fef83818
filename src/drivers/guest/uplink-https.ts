/** Speaks to the server over HTTPS: takes an identity by a token, renews it, sends vectors (decision 0009). Never over plaintext, never to a
 *  server that is not verified: the one request that is not verified sends nothing, and believes only what hashes to the operator's token. */
import { parseFields, parseJson, parseList, ParseError, parseText } from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import { type Identity, isOfTheWorld } from './identity.ts'
import { type HttpAnswer, type Machine, MachineError, type TlsIdentity } from './machine.ts'
import { explainTrouble } from './uplink-trouble.ts'

/** Handshake, sending 64 KiB and the server's sync together; a server that is there takes far less. */
const TIMEOUT_MS = 15_000
/** A hundred refusals with their reasons. */
const ANSWER_BYTES_MAX = 64 * 1024
/** A phase model in its one form has less. */
const PHASES_BYTES_MAX = 16 * 1024
const TOKEN_PATTERN = /^ethos1\.([0-9a-f]{16})\.([\w-]{43})\.([\w-]{43})$/
/** Codes of a connection that was there. */
const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])
const PEM_BEGIN = '-----BEGIN CERTIFICATE-----'
const PEM_END = '-----END CERTIFICATE-----'

export interface SendRequest {
  readonly server: string
  readonly identity: Identity
  readonly lines: readonly string[]
}

/** What came of sending a batch. `date` is the server's clock as it told it, in the words of HTTP. */
export type SendResult =
  /** `acks`: newest durable number by sender; `refused`: places of lines that are never taken. */
  | {
      readonly kind: 'acknowledged'
      readonly acks: ReadonlyMap<string, number>
      readonly refused: ReadonlySet<number>
      readonly reason?: string
      readonly date?: string
      /** Version of the server's phase model. */
      readonly phases?: number
    }
  /** Network or server failed, or asks to come later. `isCut`: the connection was there, and ended in the middle. */
  | {
      readonly kind: 'later'
      readonly afterMs?: number
      readonly reason: string
      readonly date?: string
      readonly isCut?: boolean
    }
  /** The batch as a whole is refused: fewer lines may pass. */
  | { readonly kind: 'too much'; readonly reason: string }
  /** The certificate is not taken. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly date?: string }
  /** The identity is banned or quarantined. */
  | { readonly kind: 'shut out'; readonly reason: string }
  /** No server of ours, or none that can be trusted. */
  | { readonly kind: 'wrong server'; readonly reason: string; readonly isTime: boolean }

/** The server asks to come later with a token or a renewal. */
export class LaterError extends MachineError {
  readonly afterMs: number

  constructor(message: string, afterMs: number) {
    super('EAGAIN', message)
    this.afterMs = afterMs
  }
}

/** Takes an identity by a one-time token. The server's authority is believed only if it is the one that the token names.
 *  Throws `MachineError` or `ParseError`. */
export async function joinServer(
  machine: Machine,
  { server, vm, token }: { readonly server: string; readonly vm: string; readonly token: string },
): Promise<Identity> {
  const [, id, secret, pin] = TOKEN_PATTERN.exec(token.trim()) ?? []
  if (id === undefined) {
    const hint = 'It is not whole. Expected ethos1.ID.SECRET.PIN, as `ethos token create` prints it.'
    throw new ParseError('join token', '(hidden)', hint)
  }
  const authorities = await fetchAuthorities(machine, server, pin)
  const key = machine.secrets.newKey()
  const publicKey = base64(key.publicDer)
  const proof = base64(machine.secrets.sign(key.privatePem, ascii(`ethos-join|${vm}|${id}|${publicKey}`)))
  const body = JSON.stringify({ vm, token: `${id}.${secret}`, publicKey, proof })
  const answer = await post(machine, `${server}/v1/join`, { body, type: 'application/json', tls: { authorities } })
  if (answer.status === 401) {
    const hint = `Was it used, is it older than 10 minutes, or for another VM than ${vm}?`
    throw new MachineError('EACCES', `${server} refused the token. ${hint}`)
  }
  refuseLater(answer, `${server} answered ${answer.status} to the token`)
  if (answer.status !== 200) throw new MachineError('EPROTO', `${server} answered ${answer.status} to the token`)
  return { vm, privateKey: key.privatePem, ...parseCertificate(machine, answer) }
}

/** A new key and certificate by the old ones. Throws `MachineError` or `ParseError`; code EACCES where the server does not take them. */
export async function renewIdentity(machine: Machine, server: string, identity: Identity): Promise<Identity> {
  const key = machine.secrets.newKey()
  const publicKey = base64(key.publicDer)
  const proof = base64(machine.secrets.sign(key.privatePem, ascii(`ethos-renew|${identity.vm}|${publicKey}`)))
  const body = JSON.stringify({ publicKey, proof })
  const answer = await post(machine, `${server}/v1/renew`, { body, type: 'application/json', tls: identity })
  refuseLater(answer, `${server} answered ${answer.status} to the renewal`)
  if (answer.status !== 200) {
    const code = answer.status === 401 || answer.status === 403 ? 'EACCES' : 'EAGAIN'
    throw new MachineError(code, `${server} did not renew the certificate of ${identity.vm} (${answer.status})`)
  }
  machine.network.dropConnections()
  return { vm: identity.vm, privateKey: key.privatePem, ...parseCertificate(machine, answer) }
}

/** Sends lines. Never throws for what network or server do. */
export async function sendVectors(machine: Machine, { server, identity, lines }: SendRequest): Promise<SendResult> {
  try {
    const body = `${lines.join('\n')}\n`
    const answer = await post(machine, `${server}/v1/vectors`, { body, type: 'application/x-ndjson', tls: identity })
    return judgeAnswer(server, answer, lines.length)
  } catch (error) {
    if (!isOfTheWorld(error)) throw error
    const trouble = error instanceof MachineError ? explainTrouble(server, error) : undefined
    if (trouble === undefined)
      return { kind: 'later', reason: error.message, isCut: error instanceof MachineError && CUT.has(error.code) }
    return { kind: 'wrong server', reason: trouble.text, isTime: trouble.isTime }
  }
}

export type PhasesAnswer =
  | { readonly kind: 'fetched'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly afterMs: number }

/** Fetches the server's phase model, as text that is yet to be read. Never throws for what network or server do. */
export async function fetchPhases(
  machine: Machine,
  { server, identity }: Pick<SendRequest, 'server' | 'identity'>,
): Promise<PhasesAnswer> {
  const url = `${server}/v1/phases`
  try {
    const bounds = { timeoutMs: TIMEOUT_MS, answerBytesMax: PHASES_BYTES_MAX }
    const { status, headers, body } = await machine.network.request({ method: 'GET', url, tls: identity, ...bounds })
    if (status === 200) return { kind: 'fetched', text: body }
    return { kind: 'failed', reason: `${url} answered ${status}`, afterMs: waitOf(headers) ?? 0 }
  } catch (error) {
    if (!isOfTheWorld(error)) throw error
    return { kind: 'failed', reason: `the phase model of ${server} did not come: ${error.message}`, afterMs: 0 }
  }
}

/** The server's clock, unverified, in the words of HTTP: only to tell people why certificates are not taken. */
export async function askDate(machine: Machine, server: string): Promise<string | undefined> {
  try {
    return (await machine.network.fetchUnverified(`${server}/v1/ca`, UNVERIFIED_BOUNDS)).headers['date']
  } catch (error) {
    if (isOfTheWorld(error)) return undefined
    throw error
  }
}

const UNVERIFIED_BOUNDS = { timeoutMs: TIMEOUT_MS, answerBytesMax: ANSWER_BYTES_MAX }

function judgeAnswer(server: string, { status, headers, body }: HttpAnswer, count: number): SendResult {
  const { date } = headers
  const dated = date === undefined ? {} : { date }
  const reason = `${server} answered ${status} ${body.slice(0, 100).trim()}`.trim()
  if (status === 200) return { ...parseAcknowledgement(body, count), ...dated }
  if (status === 401) return { kind: 'unknown', reason, ...dated }
  if (status === 403) return { kind: 'shut out', reason }
  if (status === 400 || status === 413 || status === 422) return { kind: 'too much', reason }
  if (status >= 300 && status !== 408 && status !== 429 && status < 500)
    return {
      kind: 'wrong server',
      reason: `${reason}. Is it an ethos server? Nobody is followed elsewhere`,
      isTime: false,
    }
  const afterMs = waitOf(headers)
  return afterMs === undefined ? { kind: 'later', reason, ...dated } : { kind: 'later', afterMs, reason, ...dated }
}

function refuseLater({ status, headers }: HttpAnswer, message: string): void {
  const afterMs = waitOf(headers)
  if ((status === 429 || status === 503) && afterMs !== undefined) throw new LaterError(message, afterMs)
}

/** How long the server asks to wait, if it does. */
function waitOf(headers: HttpAnswer['headers']): number | undefined {
  const afterSec = Number(headers['retry-after'] ?? '')
  return afterSec > 0 ? afterSec * 1000 : undefined
}

function parseAcknowledgement(body: string, count: number): Extract<SendResult, { kind: 'acknowledged' }> {
  const fields = parseFields(parseJson(body, 'answer'), 'answer')
  const acks = new Map<string, number>()
  for (const pair of parseList(fields['acks'], 'answer.acks', count)) {
    const [sender, sequence] = parseList(pair, 'answer.acks', 2)
    if (typeof sender === 'string' && typeof sequence === 'number') acks.set(sender, sequence)
  }
  const refused = new Set<number>()
  let reason: string | undefined
  for (const item of parseList(fields['refused'], 'answer.refused', count)) {
    const { line, reason: why } = parseFields(item, 'answer.refused')
    if (typeof line === 'number') refused.add(line)
    if (typeof why === 'string') reason ??= why.slice(0, 200)
  }
  const { phases } = fields
  const told = typeof phases === 'number' ? { phases } : {}
  return { kind: 'acknowledged', acks, refused, ...told, ...(reason === undefined ? {} : { reason }) }
}

async function fetchAuthorities(machine: Machine, server: string, pin: string): Promise<string> {
  const answer = await machine.network.fetchUnverified(`${server}/v1/ca`, UNVERIFIED_BOUNDS)
  for (const pem of splitPem(answer.body)) {
    if (base64Url(machine.secrets.readCertificate(pem).spkiSha256) === pin) return pem
  }
  const hint = 'its authority has another key. Is somebody in between?'
  throw new MachineError('EACCES', `${server} is not the server that made the token: ${hint}`)
}

function splitPem(text: string): readonly string[] {
  const parts = text.split(PEM_BEGIN).slice(1)
  return parts.map((part) => `${PEM_BEGIN}${part.slice(0, part.indexOf(PEM_END))}${PEM_END}\n`)
}

interface PostOptions {
  readonly body: string
  readonly type: string
  readonly tls: TlsIdentity
}

function post(machine: Machine, url: string, { body, type, tls }: PostOptions): Promise<HttpAnswer> {
  const clock: EpochMs = Math.max(0, Math.round(machine.now()))
  const headers = { 'content-type': type, 'ethos-clock': String(clock) }
  const bounds = { timeoutMs: TIMEOUT_MS, answerBytesMax: ANSWER_BYTES_MAX }
  return machine.network.request({ method: 'POST', url, headers, body, tls, ...bounds })
}

/** What can't be read, or names nobody to trust, is not kept: without authorities of its own a client would trust the system's. */
function parseCertificate(
  machine: Machine,
  { body }: HttpAnswer,
): { readonly certificate: string; readonly authorities: string } {
  const fields = parseFields(parseJson(body, 'answer'), 'answer')
  const certificate = parseText(fields['certificate'], 'answer.certificate', ANSWER_BYTES_MAX)
  const authorities = parseText(fields['authorities'], 'answer.authorities', ANSWER_BYTES_MAX)
  const all = splitPem(authorities)
  if (all.length === 0) throw new ParseError('answer.authorities', authorities, 'Expected certificates in PEM.')
  try {
    for (const pem of [certificate, ...all]) machine.secrets.readCertificate(pem)
  } catch (cause) {
    throw new MachineError('EPROTO', 'the server sent a certificate that can not be read', { cause })
  }
  return { certificate, authorities }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
