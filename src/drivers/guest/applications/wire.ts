import { type Connection, MachineError } from '../machine.ts'

/** Room that is kept between exchanges; an answer that needed more gives it back. */
const ROOM_BYTES = 16 * 1024

/** A connection read in measured pieces. Whoever is at the other end may say anything, and any amount: at most `bytesMax` are taken
 *  between two calls of `allow`. Rejects with `MachineError`. */
export class Wire {
  private readonly connection: Connection
  private readonly bytesMax: number
  private room = new Uint8Array(ROOM_BYTES)
  private from = 0
  private end = 0
  private left: number

  constructor(connection: Connection, bytesMax: number) {
    this.connection = connection
    this.bytesMax = bytesMax
    this.left = bytesMax
  }

  /** Begins another exchange: as many bytes again. */
  allow(): void {
    this.left = this.bytesMax
    if (this.from === this.end && this.room.length > ROOM_BYTES) {
      this.room = new Uint8Array(ROOM_BYTES)
      this.from = 0
      this.end = 0
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.connection.write(bytes)
  }

  /** Exactly so many bytes. They are valid until the next call. */
  async take(length: number): Promise<Uint8Array> {
    if (length > this.left) throw this.tooLong()
    while (this.end - this.from < length) await this.more()
    const bytes = this.room.subarray(this.from, this.from + length)
    this.from += length
    this.left -= length
    return bytes
  }

  /** The bytes before the next CR LF, as Latin-1 text. */
  async line(lengthMax: number): Promise<string> {
    let seen = 0
    for (;;) {
      const at = this.room.subarray(0, this.end).indexOf(10, this.from + seen)
      const length = (at < 0 ? this.end : at) - this.from
      if (length > lengthMax || length >= this.left) throw this.tooLong()
      if (at >= 0) {
        const isCrLf = length > 0 && this.room[at - 1] === 13
        const text = latin1(this.room.subarray(this.from, isCrLf ? at - 1 : at))
        this.from = at + 1
        this.left -= length + 1
        return text
      }
      seen = length
      await this.more()
    }
  }

  close(): void {
    this.connection.close()
  }

  /** Room grows by doubling, so that an answer in many small pieces is not copied once for each of them. */
  private async more(): Promise<void> {
    const bytes = await this.connection.read()
    if (bytes === undefined) throw new MachineError('ECONNRESET', 'the connection ended in the middle of an answer')
    const held = this.end - this.from
    if (this.end + bytes.length > this.room.length) {
      const isCrowded = held + bytes.length > this.room.length / 2
      const room = isCrowded ? new Uint8Array(2 * (held + bytes.length)) : this.room
      room.set(this.room.subarray(this.from, this.end))
      this.room = room
      this.from = 0
      this.end = held
    }
    this.room.set(bytes, this.end)
    this.end += bytes.length
  }

  private tooLong(): MachineError {
    return new MachineError('EMSGSIZE', `an answer of more than ${this.bytesMax} bytes, or a line that is too long`)
  }
}

/** Bytes as characters of the same number. */
export function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return text
}

/** Characters 0 to 255 as bytes of the same number: the reverse of `latin1`. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 255)
}

const ENCODER = new TextEncoder()

/** Text as UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** Pieces as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
