/** Messages on the wire: a length that counts itself, six words of header, a payload. */
import { protocolError } from './errors.ts'
import {
  HEADER_BYTES,
  KEEPALIVE_PROGRAM,
  KEEPALIVE_VERSION,
  LENGTH_BYTES,
  MESSAGE_BYTES_MAX,
  REMOTE_PROGRAM,
  REMOTE_VERSION,
} from './limits.ts'
import { XdrReader, XdrWriter } from './xdr.ts'

/** virNetMessageType. What else exists carries file descriptors and streams, which no procedure of ours has. */
export const MESSAGE_TYPE = { call: 0, reply: 1, event: 2 } as const
export const MESSAGE_STATUS = { ok: 0, error: 1 } as const

export interface Header {
  readonly program: number
  readonly version: number
  readonly procedure: number
  readonly type: number
  readonly serial: number
  readonly status: number
}

export interface Message {
  readonly header: Header
  /** Stands at the payload. Valid until the call it was handed to returns. */
  readonly payload: XdrReader
}

const FIRST_BYTES = 4096
/** A buffer that was large once is let go. */
const KEPT_BYTES_MAX = 65_536

/** One message, ready to send. @param writePayload writes what follows the header */
export function encodeMessage(header: Header, writePayload: (writer: XdrWriter) => void = () => undefined): Buffer {
  const writer = new XdrWriter()
  writer.unsigned(0)
  writer.unsigned(header.program)
  writer.unsigned(header.version)
  writer.int(header.procedure)
  writer.int(header.type)
  writer.unsigned(header.serial)
  writer.int(header.status)
  writePayload(writer)
  writer.unsignedAt(0, writer.written)
  return writer.finish()
}

/** Throws a `protocol` error unless the message is of a program, version, type and status that can come to a client. */
export function checkHeader({ program, version, procedure, type, status }: Header): void {
  const isKeepalive = program === KEEPALIVE_PROGRAM
  if (!isKeepalive && program !== REMOTE_PROGRAM) {
    throw protocolError(
      `A message of program 0x${program.toString(16)}, which libvirt has not. Is this libvirt's port?`,
    )
  }
  if (version !== (isKeepalive ? KEEPALIVE_VERSION : REMOTE_VERSION)) {
    throw protocolError(`A message of version ${version} of program 0x${program.toString(16)}; only 1 is known.`)
  }
  if (type !== MESSAGE_TYPE.event && (isKeepalive || type !== MESSAGE_TYPE.reply)) {
    throw protocolError(`A message of type ${type} (procedure ${procedure}), which never comes to a client of ours.`)
  }
  if (status !== MESSAGE_STATUS.ok && (status !== MESSAGE_STATUS.error || type !== MESSAGE_TYPE.reply)) {
    throw protocolError(`A message of status ${status} (procedure ${procedure}, type ${type}).`)
  }
}

/** Cuts a stream of bytes into messages, however it comes: memory is taken as bytes arrive, never as they are announced. */
export class FrameReader {
  /** The message that is being read, with its length word. */
  private bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  private filled = 0

  /** True between the first byte of a message and its last. */
  get isWithinMessage(): boolean {
    return this.filled > 0
  }

  /** Bytes held for a message that is not whole. */
  get heldBytes(): number {
    return this.bytes.length
  }

  /** Takes bytes and hands over each message that is whole. Throws a `protocol` error at a length that can not be; then the stream is of no more use. */
  push(chunk: Buffer, take: (message: Message) => void): void {
    let rest = chunk
    while (rest.length > 0) {
      if (this.filled === 0 && rest.length >= LENGTH_BYTES) {
        const length = frameLength(rest)
        if (rest.length >= length) {
          take(parseMessage(rest.subarray(0, length)))
          rest = rest.subarray(length)
          continue
        }
      }
      rest = this.fill(rest, take)
    }
  }

  private fill(chunk: Buffer, take: (message: Message) => void): Buffer {
    const wanted = this.filled < LENGTH_BYTES ? LENGTH_BYTES : frameLength(this.bytes)
    const count = Math.min(chunk.length, wanted - this.filled)
    this.makeRoom(this.filled + count, wanted)
    chunk.copy(this.bytes, this.filled, 0, count)
    this.filled += count
    // A length that can not be is refused at once.
    const length = this.filled < LENGTH_BYTES ? LENGTH_BYTES : frameLength(this.bytes)
    if (this.filled >= LENGTH_BYTES && this.filled === length) {
      const { bytes } = this
      this.filled = 0
      if (bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafe(FIRST_BYTES)
      take(parseMessage(bytes.subarray(0, length)))
    }
    return chunk.subarray(count)
  }

  private makeRoom(needed: number, wanted: number): void {
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(wanted, this.bytes.length * 2)))
    this.bytes.copy(grown, 0, 0, this.filled)
    this.bytes = grown
  }
}

function frameLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE(0)
  if (length < LENGTH_BYTES + HEADER_BYTES || length > LENGTH_BYTES + MESSAGE_BYTES_MAX) {
    const hint = "Is this libvirt's port, and not that of TLS, SSH or something else?"
    throw protocolError(`A message of ${length} bytes, where 28 to ${LENGTH_BYTES + MESSAGE_BYTES_MAX} may be. ${hint}`)
  }
  return length
}

function parseMessage(bytes: Buffer): Message {
  const payload = new XdrReader(bytes, LENGTH_BYTES)
  const header = {
    program: payload.unsigned(),
    version: payload.unsigned(),
    procedure: payload.int(),
    type: payload.int(),
    serial: payload.unsigned(),
    status: payload.int(),
  }
  return { header, payload }
}
