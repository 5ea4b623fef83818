import { encodeBase64 } from '../../../terms/base64.ts'
import type { Machine } from '../machine.ts'
import { CollectError } from './application.ts'
import { COLLECT_MS_MAX } from './deadline.ts'
import { readPassword } from './password.ts'
import type { PageSettings } from './settings.ts'
import { concat, utf8Bytes } from './wire.ts'

/** Reads a page over plain HTTP. Rejects with `CollectError` for anything but 200, and with `MachineError`. */
export async function readPage(
  machine: Machine,
  settings: PageSettings,
  { accept, bytesMax }: { readonly accept: string; readonly bytesMax: number },
): Promise<string> {
  const { status, body } = await machine.network.request({
    method: 'GET',
    url: settings.url,
    headers: {
      accept,
      'accept-encoding': 'identity',
      'user-agent': 'ethos-agent',
      ...(await authorization(machine, settings)),
    },
    timeoutMs: COLLECT_MS_MAX,
    answerBytesMax: bytesMax,
  })
  if (status === 200) return body
  const isRefusal = status === 401 || status === 403 || status === 404
  const remedy = { 401: 'write `user` and `password-file` into its section', 403: 'allow 127.0.0.1 to read that page' }
  const options = { isRefusal, ...(status === 401 || status === 403 ? { remedy: remedy[status] } : {}) }
  throw new CollectError(`the page answers with status ${status}`, options)
}

/** Basic where there is a user, else a bearer token. */
async function authorization(machine: Machine, settings: PageSettings): Promise<Readonly<Record<string, string>>> {
  if (settings.passwordFile === undefined) return {}
  const secret = await readPassword(machine, settings.passwordFile)
  if (settings.user === undefined) return { authorization: `Bearer ${String.fromCharCode(...secret)}` }
  return { authorization: `Basic ${encodeBase64(concat(utf8Bytes(`${settings.user}:`), secret))}` }
}
