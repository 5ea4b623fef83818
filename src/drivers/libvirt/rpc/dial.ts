/** Makes the connection that an address asks for. */
import { connect as connectSocket, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Address, TlsTarget } from './address.ts'
import { LibvirtError } from './errors.ts'
import { readCredentials } from './pki.ts'
import { dialSsh } from './ssh.ts'
import { streamTransport, type Transport } from './transport.ts'

/** Sent by libvirtd inside TLS once it has accepted our certificate; before it, nothing else may come. */
const ACCEPTED = 1

/** @param timeoutMs until the daemon can be spoken to, TLS included. Rejects with `unreachable` or `unauthorised`. */
export async function dial({ uri, name, target }: Address, timeoutMs: number): Promise<Transport> {
  if (target.transport === 'ssh') return dialSsh({ uri, name, target, timeoutMs })
  if (target.transport === 'tls') return streamTransport(uri, await dialTls(uri, target, timeoutMs))
  const socket = connectSocket(
    target.transport === 'unix' ? { path: target.path } : { host: target.host, port: target.port, noDelay: true },
  )
  await opening(uri, socket, 'connect', timeoutMs)
  return streamTransport(uri, socket)
}

async function dialTls(uri: string, target: TlsTarget, timeoutMs: number): Promise<TLSSocket> {
  const began = performance.now()
  const socket = await startTls(uri, target)
  socket.setNoDelay(true)
  await opening(uri, socket, 'secureConnect', timeoutMs)
  const answer = await firstByte(uri, socket, timeoutMs - (performance.now() - began))
  if (answer === ACCEPTED) return socket
  socket.destroy()
  throw new LibvirtError('protocol', `${uri} said ${answer} after the handshake, not 1. Is this libvirtd's TLS port?`)
}

async function startTls(uri: string, { host, port, isVerified, pkiPath }: TlsTarget): Promise<TLSSocket> {
  const credentials = await readCredentials(uri, pkiPath)
  const name = isIP(host) === 0 ? { servername: host } : {}
  try {
    return connectTls({ ...credentials, host, port, rejectUnauthorized: isVerified, ...name })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new LibvirtError('unauthorised', `${uri}: a certificate or key can not be read: ${reason}`, { cause })
  }
}

/** Waits for a stream to be there. On failure it is destroyed. */
async function opening(uri: string, socket: Socket, event: string, timeoutMs: number): Promise<void> {
  await settled(socket, timeoutMs, {
    begin: (resolve) => ({ [event]: resolve }),
    failed: (error) =>
      error === undefined
        ? new LibvirtError('unreachable', `${uri} closed the connection at once.`)
        : unreachable(uri, error),
    late: () =>
      new LibvirtError('unreachable', `${uri} did not answer within ${timeoutMs} ms. Is a firewall between us?`),
  })
}

/** What libvirtd thinks of our certificate. */
async function firstByte(uri: string, socket: TLSSocket, timeoutMs: number): Promise<number> {
  let answer = -1
  await settled(socket, timeoutMs, {
    begin: (resolve) => ({
      readable: () => {
        const byte = answer < 0 ? (socket.read(1) as Buffer | null) : null
        if (byte === null) return
        answer = byte[0]
        resolve()
      },
    }),
    failed: (cause) => {
      const hint = 'Is our certificate signed by its CA, and its name in tls_allowed_dn_list?'
      return new LibvirtError('unauthorised', `${uri} closed the connection after the handshake. ${hint}`, { cause })
    },
    late: () =>
      new LibvirtError('unreachable', `${uri} said nothing after the TLS handshake. Is this libvirtd's port?`),
  })
  return answer
}

interface Wait {
  /** Listeners by event, until it has come to an end. */
  readonly begin: (resolve: () => void) => Readonly<Record<string, () => void>>
  /** @param error undefined where the other side just ended it */
  readonly failed: (error?: Error) => LibvirtError
  readonly late: () => LibvirtError
}

async function settled(socket: Socket, timeoutMs: number, { begin, failed, late }: Wait): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(late()), Math.max(0, timeoutMs))
  const listeners: Record<string, (error?: Error) => void> = {
    ...begin(resolve),
    error: (error) => reject(failed(error)),
    end: () => reject(failed()),
    close: () => reject(failed()),
  }
  // An error that comes when nobody waits any more is nobody's.
  socket.on('error', () => undefined)
  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener)
  try {
    await promise
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener)
  }
}

function unreachable(uri: string, error: NodeJS.ErrnoException): LibvirtError {
  const code = error.code ?? ''
  const isDistrust =
    /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL_.*ALERT|HOSTNAME_MISMATCH|INVALID_PURPOSE)/.test(
      code,
    )
  if (isDistrust) {
    const hint = 'Does cacert.pem sign its certificate, and is its name in it?'
    return new LibvirtError('unauthorised', `${uri} is not trusted, or does not trust us: ${error.message}. ${hint}`, {
      cause: error,
    })
  }
  return new LibvirtError('unreachable', `${uri} can not be reached: ${error.message}. ${remedy(code)}`, {
    cause: error,
  })
}

function remedy(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'Is libvirtd (or virtqemud) running here? Maybe: systemctl start libvirtd.socket'
    case 'EACCES':
    case 'EPERM':
      return "Is this user in the group libvirt, or was the daemon's read-only socket meant?"
    case 'ECONNREFUSED':
      return 'Is the daemon running, and does it listen there (libvirtd-tcp.socket, libvirtd-tls.socket)?'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'Is the name right?'
    default:
      return 'Is the host up?'
  }
}
