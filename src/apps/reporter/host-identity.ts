/** A host's identity with a server: joined by a one-time token, kept in a folder of its own, renewed in time (decisions 0009 and 0013). */
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HostId, parseHostId } from '../../terms/ids.ts'
import { ParseError, parseFields, parseJson, parseText } from '../../terms/parse.ts'
import { type EpochMs, HOUR_MS } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { pinnedAuthority } from '../pinned-authority.ts'
import { ReporterError } from './reporter-error.ts'
import { type Answer, type Identity, send } from './request.ts'

const FILE = 'identity.json'
const TOKEN = /^ethos1\.([0-9a-f]{16})\.([\w-]{43})\.([\w-]{43})$/
/** A certificate is renewed when this share of its life is over. */
const RENEW_AT = 2 / 3
/** A server that did not renew is asked again after this long. */
const AGAIN_MS = HOUR_MS / 12
const PEM_LENGTH_MAX = 16_384

export interface HostIdentityOptions {
  readonly server: string
  readonly host: HostId
  /** Its owner's alone; made if missing. */
  readonly folder: string
  /** Where an operator leaves a token; deleted once it is used. */
  readonly tokenFile: string
  readonly clock: Pick<Clock, 'now'>
  /** Says a trouble that does not keep it from its work. */
  readonly note: (text: string) => void
}

export class HostIdentity {
  private readonly options: HostIdentityOptions
  private identity: Identity | undefined
  private askAgainAt: EpochMs = -Infinity
  /** Reports and relayed lines ask for it at the same time, and a token is good for one of them. */
  private coming: Promise<Identity> | undefined

  constructor(options: HostIdentityOptions) {
    this.options = options
  }

  /** An identity to send with. Rejects with a `ReporterError` that says what is missing. */
  ready(): Promise<Identity> {
    this.coming ??= this.find().finally(() => (this.coming = undefined))
    return this.coming
  }

  private async find(): Promise<Identity> {
    this.identity ??= this.read()
    if (this.identity === undefined) return this.join()
    const { validFromDate, validToDate } = new X509Certificate(this.identity.certificate)
    const [from, to, now] = [validFromDate.getTime(), validToDate.getTime(), this.options.clock.now()]
    if (now < from + RENEW_AT * (to - from) || now < this.askAgainAt) return this.identity
    return this.renew(this.identity)
  }

  /** The server does not take our certificate: a token is used if there is one. */
  async doubt(): Promise<void> {
    if (this.coming !== undefined || this.token() === undefined) return
    this.coming = this.join().finally(() => (this.coming = undefined))
    await this.coming
  }

  private async join(): Promise<Identity> {
    const { server, host, tokenFile } = this.options
    const token = this.token()
    if (token === undefined) {
      const remedy = `\`ethos enroll ${host} --host\` makes a token; write it to ${tokenFile}.`
      throw new ReporterError('no-identity', `This host has no identity with ${server} yet. ${remedy}`)
    }
    const [, id, secret, pin] = TOKEN.exec(token) ?? []
    if (id === undefined) throw new ReporterError('no-identity', `${tokenFile} holds no whole token. Make another.`)
    // A token is good once: what comes of it must have a place.
    this.tryFolder()
    const authorities = await this.fetchAuthorities(pin)
    const { privateKey, publicKey } = newKey()
    const text = `ethos-join-host|${host}|${id}|${publicKey}`
    const body = JSON.stringify({ host, token: `${id}.${secret}`, publicKey, proof: prove(privateKey, text) })
    const answer = await send({ server, authorities }, { path: '/v1/join', body, type: 'application/json' })
    if (answer.status !== 200) {
      const hint = `Was it used, is it older than it may be, or for another host than ${host}?`
      throw new ReporterError('no-identity', `${server} refused the token (${answer.status}). ${hint}`)
    }
    const identity = this.take(answer, privateKey)
    try {
      rmSync(tokenFile, { force: true })
    } catch {
      // It is worth nothing any more; who may not delete it leaves it there.
    }
    return identity
  }

  private async renew(identity: Identity): Promise<Identity> {
    const { host, clock } = this.options
    const { privateKey, publicKey } = newKey()
    const proof = prove(privateKey, `ethos-renew-host|${host}|${publicKey}`)
    this.askAgainAt = clock.now() + AGAIN_MS
    const answer = await send(identity, {
      path: '/v1/renew',
      body: JSON.stringify({ publicKey, proof }),
      type: 'application/json',
    })
    if (answer.status === 200) return this.take(answer, privateKey)
    // What we have may be good for a while; if it is not, the next request says so.
    return identity
  }

  private take(answer: Answer, privateKey: string): Identity {
    const identity = this.readAnswer(answer, privateKey)
    this.identity = identity
    this.askAgainAt = -Infinity
    this.keep(`${JSON.stringify(identity)}\n`)
    return identity
  }

  private readAnswer({ json }: Answer, privateKey: string): Identity {
    const { server, host } = this.options
    try {
      const fields = parseFields(json, 'answer')
      const certificate = parseText(fields['certificate'], 'certificate', PEM_LENGTH_MAX)
      const authorities = parseText(fields['authorities'], 'authorities', 4 * PEM_LENGTH_MAX)
      const identity = { server, host, privateKey, certificate, authorities }
      if (isUsable(identity)) return identity
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
    }
    throw new ReporterError(
      'no-identity',
      `${server} gave no certificate that could be used. Is it of another version?`,
    )
  }

  /** Where the disk is gone since, the identity is held in memory, and the next one is tried to be kept again. */
  private keep(text: string): void {
    const path = join(this.options.folder, FILE)
    try {
      writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true })
      chmodSync(`${path}.new`, 0o600)
      renameSync(`${path}.new`, path)
    } catch (error) {
      this.options.note(`The new identity can not be kept in ${path} (${codeOf(error)}): this process goes on with it.`)
    }
  }

  private tryFolder(): void {
    const { folder } = this.options
    const path = join(folder, `${FILE}.new`)
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      writeFileSync(path, '', { mode: 0o600 })
    } catch (error) {
      const remedy = 'Nothing is joined before it can be kept. Is there room, and is the folder --state its own?'
      throw new ReporterError('no-identity', `${path} can not be written (${codeOf(error)}). ${remedy}`)
    }
  }

  private read(): Identity | undefined {
    const path = join(this.options.folder, FILE)
    const text = readIfThere(path)
    if (text === undefined) return undefined
    try {
      const fields = parseFields(parseJson(text, path), path)
      const field = (name: string): string => parseText(fields[name], `${path} ${name}`, 4 * PEM_LENGTH_MAX)
      const identity = {
        server: field('server'),
        host: parseHostId(fields['host'], `${path} host`),
        privateKey: field('privateKey'),
        certificate: field('certificate'),
        authorities: field('authorities'),
      }
      // Of another server, or under another name, it is of no use here.
      const isOurs = identity.server === this.options.server && identity.host === this.options.host
      return isOurs && isUsable(identity) ? identity : undefined
    } catch (error) {
      if (error instanceof ParseError) return undefined
      throw error
    }
  }

  private token(): string | undefined {
    const text = readIfThere(this.options.tokenFile)?.trim()
    return text === '' ? undefined : text
  }

  /** Nothing is believed but what hashes to what the operator's token names. */
  private async fetchAuthorities(pin: string): Promise<string> {
    const { server } = this.options
    const { status, text } = await send({ server }, { path: '/v1/ca' })
    // Not those beside it: anybody on the way may have put one there.
    const pinned = status === 200 ? pinnedAuthority(text, pin) : undefined
    if (pinned !== undefined) return pinned
    throw new ReporterError(
      'no-identity',
      `${server} is not the server that the token is of: it shows another authority.`,
    )
  }
}

/** Whether certificate and key can be read, and belong together. */
function isUsable({ certificate, privateKey }: Identity): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))
  } catch {
    return false
  }
}

/** Undefined where there is no such file. Throws a `ReporterError` where there is one that can not be read: to join anew would be no remedy. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ReporterError('no-identity', `${path} can not be read (${code}). Whose is it, and is the disk well?`)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function newKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { privateKey, publicKey: publicKey.toString('base64') }
}

function prove(privateKey: string, text: string): string {
  return sign('sha256', Buffer.from(text), privateKey).toString('base64')
}
