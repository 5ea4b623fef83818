/** The one cookie that there is, and whether a request that came with it was made by our own page. */
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { isSame } from '../digest.ts'
import { csrfOf } from './sessions.ts'

/** Over TLS: the prefix keeps anybody but this very host from setting it (RFC 6265bis, 4.1.3.2). */
const SECURE_NAME = '__Host-ethos'
/** By plain HTTP, where browsers refuse that prefix; the port follows. */
const PLAIN_NAME = 'ethos'
const HTTP_PORT = '80'
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

const CSRF_HEADER = 'x-ethos-csrf'
/** Sent with what a page asks by itself, while perhaps nobody looks. */
export const UNATTENDED_HEADER = 'x-ethos-unattended'

/** What stands in the cookie; undefined where none came. One that came twice is nobody's. */
export function cookieOf(request: IncomingMessage): string | undefined {
  const name = nameFor(request)
  const shown = (request.headers.cookie ?? '').split(';').flatMap((pair) => {
    const [own = '', ...rest] = pair.split('=')
    return own.trim() === name ? [rest.join('=').trim()] : []
  })
  return shown.length > 1 ? '' : shown[0]
}

/** The header that sets it. It goes when the browser is closed; when it ends before, the server knows. */
export function settingCookie(request: IncomingMessage, secret: string): string {
  return `${nameFor(request)}=${secret}; ${attributesFor(request)}`
}

/** The header that takes it away. */
export function clearingCookie(request: IncomingMessage): string {
  return `${nameFor(request)}=; Max-Age=0; ${attributesFor(request)}`
}

/** Why a request that came with the cookie is not taken for one of our own page; undefined: it is. A browser sends the cookie whoever asks. */
export function whyNotOurs(request: IncomingMessage, secret: string): string | undefined {
  const isSafe = SAFE_METHODS.has(request.method ?? '')
  const elsewhere = whyElsewhere(request, isSafe)
  if (elsewhere !== undefined || isSafe) return elsewhere
  const shown = request.headers[CSRF_HEADER]
  if (typeof shown !== 'string') return `it came without ${CSRF_HEADER}`
  return isSame(shown, csrfOf(secret)) ? undefined : `its ${CSRF_HEADER} is another`
}

/** Why a request seems to come from the page of another site; undefined: it does not. What browsers tell (W3C Fetch Metadata) goes first, for a proxy may
 *  have changed the name by which we are called; without it `Origin` has to be ours.
 *  @param canBeSilent whether one may say nothing of it, as who types an address does, and what is no browser */
export function whyElsewhere(request: IncomingMessage, canBeSilent: boolean): string | undefined {
  const { 'sec-fetch-site': site, origin, host } = request.headers
  if (site === 'same-origin' || (site === 'none' && canBeSilent)) return undefined
  if (site !== undefined) return 'the page of another site made it'
  if (origin === undefined) return canBeSilent ? undefined : 'it does not say which page made it'
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
    ? undefined
    : 'the page of another site made it'
}

/** Browsers keep one set of cookies for all ports of a host, and several demos may run on one machine. It is the port by which the browser knows us: a
 *  tunnel may lead here by another than we listen on. */
function nameFor(request: IncomingMessage): string {
  if (request.socket instanceof TLSSocket) return SECURE_NAME
  const [, port = HTTP_PORT] = /:(\d{1,5})$/.exec(request.headers.host ?? '') ?? []
  return `${PLAIN_NAME}-${port}`
}

function attributesFor(request: IncomingMessage): string {
  const secure = request.socket instanceof TLSSocket ? 'Secure; ' : ''
  return `Path=/; ${secure}HttpOnly; SameSite=Strict`
}
