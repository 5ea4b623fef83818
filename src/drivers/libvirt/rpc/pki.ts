/** Where libvirt keeps a client's certificates (https://libvirt.org/kbase/tlscerts.html). */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { LibvirtError } from './errors.ts'

export interface Credentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
  /** Revoked certificates, where there is such a list. */
  readonly crl?: Buffer
}

interface Place {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly crl: string
}

const SYSTEM: Place = {
  ca: '/etc/pki/CA/cacert.pem',
  cert: '/etc/pki/libvirt/clientcert.pem',
  key: '/etc/pki/libvirt/private/clientkey.pem',
  crl: '/etc/pki/CA/cacrl.pem',
}

/** From the folder that the URI names, else from the user's own (not root's), else from the system's; all three files from one place.
 *  They are read anew for every connection, so that a renewed certificate is taken up. */
export async function readCredentials(uri: string, pkiPath?: string): Promise<Credentials> {
  const own = folderPlace(join(homedir(), '.pki', 'libvirt'))
  const places = pkiPath !== undefined ? [folderPlace(pkiPath)] : process.getuid?.() === 0 ? [SYSTEM] : [own, SYSTEM]
  let cause: unknown
  for (const place of places) {
    try {
      return await readPlace(place)
    } catch (error) {
      cause ??= error
    }
  }
  const wanted = places.map(({ ca, cert, key }) => `${ca}, ${cert} and ${key}`).join(', or ')
  const reason = cause instanceof Error ? cause.message : String(cause)
  throw new LibvirtError('unauthorised', `${uri} needs ${wanted}: ${reason}`, { cause })
}

function folderPlace(folder: string): Place {
  return {
    ca: join(folder, 'cacert.pem'),
    cert: join(folder, 'clientcert.pem'),
    key: join(folder, 'clientkey.pem'),
    crl: join(folder, 'cacrl.pem'),
  }
}

async function readPlace(place: Place): Promise<Credentials> {
  const [ca, cert, key] = await Promise.all([readFile(place.ca), readFile(place.cert), readFile(place.key)])
  const crl = await readFile(place.crl).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return { ca, cert, key, ...(crl === undefined ? {} : { crl }) }
}
