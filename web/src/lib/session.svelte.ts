/** Who is signed in. The cookie itself is the browser's: nothing here can read it. */
import type { SessionAnswer, SessionView } from '../../../src/apps/server/views/session.ts'
import type { Role } from '../../../src/terms/access.ts'
import { Api, ApiFailure } from './api.ts'
import { live } from './live.svelte.ts'
import { isAtLeast, needsRole } from './roles.ts'

export class Session {
  /** `unknown` until the server was asked. */
  state: 'unknown' | 'signed-in' | 'signed-out' | 'unreachable' = $state('unknown')
  who: SessionView | undefined = $state.raw()
  readonly api: Api

  constructor(api: Api) {
    this.api = api
    api.onSignedOut = () => this.leave()
  }

  /** Takes up the session that the browser still has, or a one-time token from the address. */
  async start(): Promise<void> {
    const token = takeToken()
    try {
      if (token === undefined) this.enter(await this.api.ask<SessionAnswer>('/v1/session'))
      else await this.signIn(token)
    } catch (error) {
      this.state = error instanceof ApiFailure && error.status === 0 ? 'unreachable' : 'signed-out'
    }
  }

  /** Rejects with an `ApiFailure` where the token is not good. */
  async signIn(token: string): Promise<void> {
    this.enter(await this.api.ask<SessionAnswer>('/v1/session', { method: 'POST', body: { token } }))
  }

  /** Shows the token once more, as raising automation needs it. Rejects with an `ApiFailure` where it is not this session's. */
  async confirm(token: string): Promise<void> {
    this.enter(await this.api.ask<SessionAnswer>('/v1/session/confirmation', { method: 'POST', body: { token } }))
  }

  /** Rejects with an `ApiFailure` where the session may still be good: one is then not shown as signed out. */
  async signOut(): Promise<void> {
    // Before the server cuts it off.
    live.close()
    try {
      await this.api.ask('/v1/session', { method: 'DELETE' })
    } catch (error) {
      const isGone = error instanceof ApiFailure && (error.status === 401 || error.status === 404)
      if (!isGone) {
        live.open()
        throw error
      }
    }
    this.leave()
  }

  /** Whether the page may offer something: the server decides. */
  may(least: Role): boolean {
    return isAtLeast(this.who?.role, least)
  }

  /** Why it may not be offered; undefined: it may. */
  whyNot(least: Role): string | undefined {
    return this.may(least) ? undefined : needsRole(least)
  }

  private enter({ session }: SessionAnswer): void {
    if (session === undefined) return this.leave()
    this.api.csrf = session.csrf
    this.who = session
    this.state = 'signed-in'
    live.open()
  }

  private leave(): void {
    live.close()
    this.api.csrf = ''
    this.who = undefined
    this.state = 'signed-out'
  }
}

/** The token of an address that was printed by `ethos serve --demo`: taken off the address at once. */
function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined
  if (token !== undefined) history.replaceState(null, '', `${location.pathname}${location.search}`)
  return token
}

/** Whoever has touched nothing for so long may have gone. */
const ATTENDED_MS = 60_000

/** Whether keys or the pointer were used lately. */
function watchPresence(): () => boolean {
  let touchedAt = performance.now()
  const touch = (): void => {
    touchedAt = performance.now()
  }
  for (const name of ['pointerdown', 'pointermove', 'keydown', 'wheel'])
    document.addEventListener(name, touch, { capture: true, passive: true })
  return () => performance.now() - touchedAt < ATTENDED_MS
}

export const api = new Api()
api.isAttended = watchPresence()
export const session = new Session(api)
