import type { Machine } from '../machine.ts'
import { CollectError } from './application.ts'
import { bytesOf } from './wire.ts'

const PASSWORD_BYTES_MAX = 4096
const STAT_MS_MAX = 1000

/** The password in a file that only its owner may read, without the line end. It is read anew for each connection, so that a new one
 *  needs no restart, and kept nowhere. Rejects with a `CollectError` that holds nothing of the file. */
export async function readPassword(machine: Pick<Machine, 'readText' | 'run'>, path: string): Promise<Uint8Array> {
  const mode = await machine.run('stat', ['-L', '-c', '%a', path], { timeoutMs: STAT_MS_MAX, outputBytesMax: 64 })
  const digits = mode.stdout.trim()
  const remedy = `write the password alone into ${path}, readable by the agent only`
  // Whether others may read it has to be known: where it is not, the password is not used.
  if (mode.status !== 0) throw new CollectError(`the mode of ${path} can not be told`, { isRefusal: true, remedy })
  if (!digits.endsWith('00') && digits !== '0') {
    const options = { isRefusal: true, remedy: `chmod 600 ${path}` }
    throw new CollectError(`others may read ${path}: its password is not used`, options)
  }
  const text = machine.readText(path, PASSWORD_BYTES_MAX)?.replace(/\r?\n$/, '')
  if (text === undefined || text === '' || /[\0\r\n]/.test(text)) {
    throw new CollectError(`no password can be read in ${path}`, { isRefusal: true, remedy })
  }
  return bytesOf(text)
}
