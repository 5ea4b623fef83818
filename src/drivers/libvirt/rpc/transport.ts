import type { Duplex } from 'node:stream'
import { LibvirtError } from './errors.ts'

export interface TransportHandlers {
  readonly onBytes: (chunk: Buffer) => void
  /** Told once, however it ended, unless we closed it ourselves. */
  readonly onEnd: (error: LibvirtError) => void
}

/** A way to the daemon that carries bytes in order: a socket, TLS, or a program's input and output. */
export interface Transport {
  /** For messages: who is at the other end. */
  readonly peer: string
  /** Bytes come from now on. */
  start(handlers: TransportHandlers): void
  send(bytes: Buffer): void
  /** Bytes that were sent and that the other side has not taken yet. */
  readonly backlogBytes: number
  /** At once: what was not yet sent is not. */
  close(): void
}

/** A transport over a connected stream that nobody has read from yet. */
export function streamTransport(peer: string, stream: Duplex): Transport {
  let isOver = false
  return {
    peer,
    get backlogBytes() {
      return stream.writableLength
    },
    start: ({ onBytes, onEnd }) => {
      const over = (why: string, cause?: Error): void => {
        if (isOver) return
        isOver = true
        stream.destroy()
        onEnd(new LibvirtError('lost', `The connection to ${peer} ended: ${why}`, { fate: 'unknown', cause }))
      }
      stream.on('data', onBytes)
      stream.on('error', (error) => over(error.message, error))
      stream.on('end', () => over('the other side closed it'))
      stream.on('close', () => over('it was closed'))
      // It may have ended before anybody looked.
      if (stream.destroyed || stream.readableEnded) setImmediate(() => over('the other side closed it'))
    },
    send: (bytes) => {
      if (!isOver) stream.write(bytes)
    },
    close: () => {
      isOver = true
      // Nobody asks any more what went wrong.
      stream.on('error', () => undefined)
      stream.destroy()
    },
  }
}
