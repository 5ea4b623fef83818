import type { Domain } from './domain.ts'
import { LibvirtError } from './errors.ts'
import type { Libvirt } from './libvirt.ts'
import { POST_COPY_PROCEDURES } from './procedures-migration.ts'

/** Switches a migration that was prepared for it (`isPostCopyPrepared`) to post-copy: the VM runs on the destination at once, and fetches its memory
 *  as it needs it. **From then until its end the loss of either host, or of the network between them, loses the guest.** Works only on a connection that
 *  was opened with `isPostCopyAllowed`, and rejects with an `argument` error on any other. */
export function startPostCopy(libvirt: Libvirt, domain: Domain): Promise<void> {
  return libvirt.call(POST_COPY_PROCEDURES.start, { domain, flags: 0 }).catch((error: unknown) => {
    if (!(error instanceof LibvirtError) || error.code !== 'argument') throw error
    const hint = 'Was the connection opened with isPostCopyAllowed?'
    throw new LibvirtError('argument', `${error.message} ${hint}`, { cause: error })
  })
}
