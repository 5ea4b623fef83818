/** Keeps this VM's identity: joins by a token, renews in time, says what is missing. */
import { type Identity, isOfTheWorld, readIdentity, writeIdentity } from '../../drivers/guest/identity.ts'
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import { joinServer, LaterError, renewIdentity } from '../../drivers/guest/uplink-https.ts'
import { explainTrouble } from '../../drivers/guest/uplink-trouble.ts'
import type { Outcome } from '../../engine/delivery/pace.ts'
import { parseHttpDate, RENEW_AGAIN_MS, type Standing, standingOf, tellClock } from '../../engine/delivery/renewal.ts'
import { HOUR_MS } from '../../terms/units.ts'
import type { AgentConfig } from './config.ts'
import type { CourierOptions } from './courier.ts'
import type { Ready } from './courier-https.ts'

const TOKEN_BYTES_MAX = 1024
/** A server that has refused to renew is asked again this often; the token file is looked at far more often. */
const REFUSED_AGAIN_MS = HOUR_MS

export class IdentityKeeper {
  private readonly options: CourierOptions
  private readonly server: string
  private identity: Identity | undefined
  private isKept = true
  /** What made us doubt that the identity we have is the one to use. */
  private doubts: 'certificate' | 'server' | undefined
  private renewAfterMs = -Infinity
  private renewedMs = -Infinity
  private refusedToken: string | undefined
  private readonly luck: number
  /** How far the server's clock is ahead of ours; undefined until a verified answer told. */
  private aheadMs: number | undefined

  constructor(options: CourierOptions, server: string) {
    this.options = options
    this.server = server
    this.luck = luckOf(options.machine)
  }

  /** What is wrong with this guest's clock. */
  get clock(): string | undefined {
    return this.aheadMs === undefined ? undefined : tellClock(this.aheadMs)
  }

  /** A verified answer told the server's clock. */
  heard(date: string): void {
    const serverMs = parseHttpDate(date)
    if (serverMs === undefined) return
    this.aheadMs = serverMs - this.options.machine.now()
    if (this.clock !== undefined) this.options.log.say('warning', 'clock', this.clock)
  }

  /** What a clock that nobody vouches for says of ours. */
  compareClock(date: string): string | undefined {
    const serverMs = parseHttpDate(date)
    return serverMs === undefined ? undefined : tellClock(serverMs - this.options.machine.now())
  }

  /** The server did not take our certificate, or is not the one we joined: a new token is used if there is one. */
  doubt(what: 'certificate' | 'server'): void {
    this.doubts = what
  }

  /** An identity that is good to send with. */
  async ready(): Promise<Ready> {
    const { machine, config, vm } = this.options
    const found = this.identity === undefined ? readIdentity(machine, config.stateFolder, vm) : undefined
    if (found?.kind === 'found') this.identity = found.identity
    const { identity } = this
    if (identity === undefined) {
      const hint = `\`ethos token create --vm ${vm}\` on the server makes a token; write it to ${config.tokenFile}`
      return this.join(found?.kind === 'unusable' ? `${found.reason}. ${hint}` : `this VM has no identity yet. ${hint}`)
    }
    this.keep(identity)
    const standing = this.standing(identity)
    if (this.doubts === 'server') {
      this.doubts = undefined
      if (this.token() !== undefined) return this.join('')
    }
    if (standing === 'good') return { kind: 'ready', identity }
    return this.renew(identity, standing)
  }

  private standing(identity: Identity): Standing {
    if (this.doubts === 'certificate') return 'lapsed'
    const { machine } = this.options
    // What was renewed just now is good, however wrong our clock is.
    if (this.aheadMs === undefined && machine.monotonicMs() - this.renewedMs < HOUR_MS) return 'good'
    const life = machine.secrets.readCertificate(identity.certificate)
    return standingOf(life, machine.now() + (this.aheadMs ?? 0), this.luck)
  }

  private async renew(identity: Identity, standing: Standing): Promise<Ready> {
    const { machine } = this.options
    const nowMs = machine.monotonicMs()
    const isEnded = standing !== 'renew'
    if (nowMs < this.renewAfterMs) {
      if (!isEnded) return { kind: 'ready', identity }
      return this.join(this.needsToken('its certificate has ended, and the server did not renew it'))
    }
    try {
      const renewed = await renewIdentity(machine, this.server, identity)
      this.renewedMs = nowMs
      return this.take(renewed)
    } catch (error) {
      if (!isOfTheWorld(error)) throw error
      const isRefused = error instanceof MachineError && error.code === 'EACCES'
      const askedMs = error instanceof LaterError ? Math.min(REFUSED_AGAIN_MS, error.afterMs) : 0
      const againMs = Math.max(askedMs, RENEW_AGAIN_MS * (1 + this.luck))
      this.renewAfterMs = nowMs + (isRefused ? REFUSED_AGAIN_MS : isEnded ? 0 : againMs)
      this.options.log.say('warning', 'renew', `the certificate is not renewed: ${error.message}`)
      if (!isEnded) return { kind: 'ready', identity }
      return isRefused ? this.join(this.needsToken(error.message)) : this.failed(error)
    }
  }

  private needsToken(why: string): string {
    const { vm, config } = this.options
    const hint = `\`ethos token create --vm ${vm}\` makes one; write it to ${config.tokenFile}`
    return `${why}. A VM that was off for longer than a week, or was banned, needs a new token: ${hint}`
  }

  /** Joins if there is a token that was not refused yet. @param without what to say if there is none */
  private async join(without: string): Promise<Ready> {
    const { machine, vm, config } = this.options
    const token = this.token()
    const outcome: Outcome = { kind: 'wrong server' }
    if (token === undefined) return { kind: 'not ready', reason: without, outcome }
    if (token === this.refusedToken) {
      const reason = `the token in ${config.tokenFile} was refused: a new one is needed`
      return { kind: 'not ready', reason, outcome }
    }
    try {
      const ready = this.take(await joinServer(machine, { server: this.server, vm, token }))
      this.removeToken()
      return ready
    } catch (error) {
      if (!isOfTheWorld(error)) throw error
      if (!(error instanceof MachineError) || error.code === 'EACCES') this.refusedToken = token
      return this.failed(error)
    }
  }

  private failed(error: Error): Ready {
    if (error instanceof LaterError)
      return { kind: 'not ready', reason: error.message, outcome: { kind: 'asked to wait', afterMs: error.afterMs } }
    const trouble = error instanceof MachineError ? explainTrouble(this.server, error) : undefined
    const isLasting = trouble !== undefined || !(error instanceof MachineError) || error.code === 'EACCES'
    const outcome: Outcome = isLasting ? { kind: 'wrong server' } : { kind: 'failed' }
    return { kind: 'not ready', reason: trouble?.text ?? error.message, outcome }
  }

  private take(identity: Identity): Ready {
    this.identity = identity
    this.doubts = undefined
    this.renewAfterMs = -Infinity
    this.isKept = false
    this.keep(identity)
    return { kind: 'ready', identity }
  }

  /** On a disk that is full the identity lives in memory, and is written as soon as it can be. */
  private keep(identity: Identity): void {
    if (this.isKept) return
    const { machine, config, log } = this.options
    try {
      writeIdentity(machine, config.stateFolder, identity)
      this.isKept = true
    } catch (error) {
      if (!isOfTheWorld(error)) throw error
      log.say(
        'error',
        'identity',
        `the identity can not be kept: ${error.message}. After a restart a new token is needed`,
      )
    }
  }

  private token(): string | undefined {
    const { machine, config } = this.options
    const text = machine.readText(config.tokenFile, TOKEN_BYTES_MAX)?.trim()
    return text === '' ? undefined : text
  }

  private removeToken(): void {
    const { machine, config, log } = this.options
    try {
      machine.files.remove(config.tokenFile)
    } catch (error) {
      if (!isOfTheWorld(error)) throw error
      log.tell('notice', `${config.tokenFile} was used and can not be deleted by this user; it is worth nothing now`)
    }
  }
}

/** `ethos agent join TOKEN`: joins at once, and keeps the identity. Throws `MachineError` or `ParseError` with what is in the way. */
export async function joinNow(
  machine: Machine,
  config: AgentConfig,
  { vm, server, token }: { readonly vm: string; readonly server: string; readonly token: string },
): Promise<void> {
  writeIdentity(machine, config.stateFolder, await joinServer(machine, { server, vm, token }))
}

/** A draw from [0, 1). */
export function luckOf(machine: Machine): number {
  const [a, b, c] = machine.secrets.randomBytes(3)
  return (a * 65_536 + b * 256 + c) / 16_777_216
}
