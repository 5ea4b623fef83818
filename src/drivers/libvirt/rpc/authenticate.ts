import type { RpcConnection } from './connection.ts'
import { LIBVIRT_ERROR, LibvirtError, LibvirtRemoteError } from './errors.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'

/** virNetServerServiceAuthMethods. */
const AUTH = { none: 0, sasl: 1, polkit: 2 } as const

/** Proves who we are, as the daemon wants it: not at all, or by polkit, which knows our user from the socket. Rejects with `unauthorised` where it wants a
 *  password (SASL), or polkit says no. */
export async function authenticate(connection: RpcConnection): Promise<void> {
  const types = await wantedTypes(connection)
  if (types.length === 0 || types.includes(AUTH.none)) return
  const { peer } = connection
  if (!types.includes(AUTH.polkit)) {
    const wants = types.includes(AUTH.sasl) ? 'a password by SASL' : `authentication of kind ${types.join(', ')}`
    const hint = 'Maybe: qemu+tls with client certificates, or qemu+ssh, where libvirtd needs none'
    throw new LibvirtError('unauthorised', `${peer} wants ${wants}, which this client does not speak. ${hint}`)
  }
  try {
    await connection.call(HOST_PROCEDURES.authPolkit, undefined)
  } catch (cause) {
    if (!(cause instanceof LibvirtRemoteError)) throw cause
    const hint = 'May this user manage libvirt (group libvirt, or a rule for org.libvirt.unix.manage)?'
    throw new LibvirtError('unauthorised', `polkit did not let us in to ${peer}: ${cause.text}. ${hint}`, { cause })
  }
}

async function wantedTypes(connection: RpcConnection): Promise<readonly number[]> {
  try {
    return (await connection.call(HOST_PROCEDURES.authList, undefined)).types
  } catch (error) {
    if (error instanceof LibvirtRemoteError && error.number === LIBVIRT_ERROR.notSupported) return []
    throw error
  }
}
