/** The page, at the addresses that it has. It holds no secret and is open to everybody: what it shows it asks for, as whoever has signed in. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { formOf, type PageFile, type PageFiles } from './page-files.ts'
import { UNKNOWN } from './reply.ts'
import { sendRefusal } from './route.ts'

/** Addresses within the page: for each of them it is answered, and finds out itself what to show. */
export const PAGE_PATHS = [
  '/',
  '/hosts',
  '/hosts/*',
  '/vms',
  '/vms/*',
  '/plan',
  '/ledger',
  '/backtest',
  '/policy',
  '/setup',
  '/sign-in',
] as const
/** Files that it asks for. */
const ASSETS_PATH = '/assets/*'

/** Where browsers tell what the policy kept from happening. */
export const REPORTS_PATH = '/v1/csp-reports'

/** Svelte makes elements of the text of its own components by it, and of nothing else: no `{@html}` is in the page. */
const SVELTE_HTML = 'svelte-trusted-html'

/** Nothing from anywhere else, no script or style within the page, no form that is sent, no frame, and no text that becomes markup. Styles that a script sets
 *  through the CSSOM need no leave, as uPlot and Svelte do. */
const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  `trusted-types ${SVELTE_HTML}`,
  `report-uri ${REPORTS_PATH}`,
].join('; ')

/** What browsers would let a page ask of whoever looks at it. */
const NOTHING_ALLOWED = [
  'accelerometer',
  'autoplay',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'usb',
]
  .map((feature) => `${feature}=()`)
  .join(', ')

const NOT_BUILT = `The page was not built, and the API goes on without it.

Build it with \`npm run build:web\`, and start the server again: it reads the page once.
The API is described at /docs.
`

/** Adds the page; without `index.html` among its files each address says how it is built. */
export function addPage(app: FastifyInstance, files: PageFiles): void {
  const config = { access: 'open' } as const
  const index = files.get('index.html')
  for (const path of PAGE_PATHS)
    app.get(path, { config, schema: { hide: true } }, (request, reply) =>
      index === undefined
        ? reply.code(404).type('text/plain; charset=utf-8').send(NOT_BUILT)
        : sendFile(index, request, secureDocument(reply)),
    )
  app.get(ASSETS_PATH, { config, schema: { hide: true } }, (request, reply) => {
    const file = files.get(request.url.split('?')[0].slice(1))
    return file === undefined ? sendRefusal(UNKNOWN, reply) : sendFile(file, request, reply)
  })
}

function secureDocument(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'content-security-policy': PAGE_CSP,
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': NOTHING_ALLOWED,
  })
}

function sendFile(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { bytes, etag, packing } = formOf(file, request.headers['accept-encoding'] ?? '')
  void reply.headers({
    etag,
    vary: 'accept-encoding',
    'cache-control': file.cacheControl,
    'cross-origin-resource-policy': 'same-origin',
  })
  const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag)) return reply.code(304).send()
  if (packing !== undefined) void reply.header('content-encoding', packing)
  return reply.type(file.type).send(bytes)
}
