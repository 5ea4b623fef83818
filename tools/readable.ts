/** Runs things where everybody may read this repository and Node, wherever they lie: in a mount namespace of their own, for tests of users without
 *  rights. Only root can make it. */
import { basename, dirname, join } from 'node:path'
import { REPOSITORY } from './repository.ts'

const STAGE =
  'mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/repository /mnt/node && ' +
  'mount --bind "$1" /mnt/repository && mount --bind "$2" /mnt/node && shift 2 && cd / && exec "$@"'

/** Node, as it is called there. */
export const READABLE_NODE = join('/mnt/node', basename(process.execPath))

/** A file of the repository, as it is called there. */
export function readable(path: string): string {
  return join('/mnt/repository', path)
}

/** The words that run `command` there. */
export function whereAllMayRead(command: readonly string[]): readonly string[] {
  const stage = [STAGE, 'sh', REPOSITORY, dirname(process.execPath)]
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ...stage, ...command]
}
