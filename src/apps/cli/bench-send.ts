/** Sends a measurement to the server: `PUT /v1/hosts/{id}/measurement` with an API token. */
import type { HostId } from '../../terms/ids.ts'
import { UsageError } from '../usage-error.ts'
import { ask, type Login, pathOf, readText } from './api-client.ts'
import { ApiError, EXIT } from './api-error.ts'
import type { BenchHostOptions } from './bench-command.ts'

const TOKEN = /^ethos_[0-9a-f]{16}_[\w-]{43}$/

type Destination = Pick<BenchHostOptions, 'send' | 'tokenFile' | 'ca'>

/** Complains before three minutes of measuring, not after. */
export function checkDestination(options: Destination): void {
  readDestination(options)
}

/** Throws a `UsageError` that says what the server answered. The document is not lost: `--out` writes it first. */
export async function sendMeasurement(text: string, hostId: HostId, options: Destination): Promise<void> {
  const login = readDestination(options)
  const path = pathOf('v1', 'hosts', hostId, 'measurement')
  try {
    await ask(login, { method: 'PUT', path, body: JSON.parse(text) as unknown })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const isTokens = error.exitCode === EXIT.notAllowed
    const hint = isTokens ? 'Is the token in --token-file one of an operator, and not revoked? ' : ''
    throw new UsageError('--send', `${login.server}${path}`, `${hint}${error.message}`)
  }
}

function readDestination({ send = '', tokenFile, ca }: Destination): Login {
  const base = URL.canParse(send) ? new URL(send) : undefined
  if (base?.protocol !== 'https:' || base.username !== '')
    throw new UsageError(
      '--send',
      send,
      'Expected an address such as https://ethos.example:8443: a token goes over TLS only.',
    )
  if (tokenFile === undefined) throw new UsageError('--send', send, 'Name the file of an API token by --token-file.')
  const token = readText('--token-file', tokenFile).trim()
  // The token is not shown: it may be a real one with a blank in it.
  if (!TOKEN.test(token))
    throw new UsageError('--token-file', tokenFile, 'Expected one API token: ethos_<id>_<secret>.')
  return { server: base.origin, token, ca: ca === undefined ? '' : readText('--ca', ca) }
}
