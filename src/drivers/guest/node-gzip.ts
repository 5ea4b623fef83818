import { MachineError } from './machine.ts'
import { machineError } from './node-files.ts'

/** A body without its compression. The bound holds for what comes out too: a kilobyte can hold a gigabyte. Rejects with `MachineError`. */
export async function unpacked(body: Buffer, encoding: string | undefined, bytesMax: number): Promise<Buffer> {
  if (encoding?.toLowerCase() !== 'gzip') return body
  // Loaded only where something is packed.
  const { gunzip } = process.getBuiltinModule('node:zlib')
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength: bytesMax }, (error, bytes) => {
      if (error === null) resolve(bytes)
      else if (machineError('gzip', error).code === 'ERR_BUFFER_TOO_LARGE')
        reject(new MachineError('EMSGSIZE', `more than ${bytesMax} bytes`))
      else reject(new MachineError('EBADMSG', 'a body that says it is gzip, and is not'))
    })
  })
}
