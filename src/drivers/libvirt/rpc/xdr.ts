/** XDR (RFC 4506): big-endian, in steps of four bytes. Whatever is read is checked against its limit before anything is made for it. */
import { LibvirtError, protocolError } from './errors.ts'

const STEP = 4
const FIRST_BYTES = 256

/** Writes values one after the other into bytes that grow. */
export class XdrWriter {
  private bytes: Buffer
  private length = 0

  constructor(firstBytes = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafe(Math.max(STEP, firstBytes))
  }

  int(value: number): void {
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) throw outside(value, 'an int')
    const at = this.room(4)
    this.bytes.writeInt32BE(value, at)
  }

  unsigned(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw outside(value, 'an unsigned int')
    const at = this.room(4)
    this.bytes.writeUInt32BE(value, at)
  }

  hyper(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw outside(value, 'a hyper')
    const at = this.room(8)
    this.bytes.writeBigInt64BE(value, at)
  }

  unsignedHyper(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw outside(value, 'an unsigned hyper')
    const at = this.room(8)
    this.bytes.writeBigUInt64BE(value, at)
  }

  double(value: number): void {
    const at = this.room(8)
    this.bytes.writeDoubleBE(value, at)
  }

  bool(value: boolean): void {
    this.unsigned(value ? 1 : 0)
  }

  /** Bytes of a length that both sides know. */
  fixedOpaque(value: Uint8Array): void {
    const padding = paddingAfter(value.length)
    const at = this.room(value.length + padding)
    this.bytes.set(value, at)
    this.bytes.fill(0, at + value.length, at + value.length + padding)
  }

  opaque(value: Uint8Array, bytesMax: number): void {
    if (value.length > bytesMax) throw outside(value.length, `at most ${bytesMax} bytes`)
    this.unsigned(value.length)
    this.fixedOpaque(value)
  }

  /** UTF-8. A zero byte would end the string on the other side, and is refused. */
  string(value: string, bytesMax: number): void {
    if (value.includes('\0')) throw new LibvirtError('argument', 'A string for libvirt may not hold a zero byte.')
    this.opaque(Buffer.from(value, 'utf8'), bytesMax)
  }

  /** Overwrites what was written at a place: a length that is known only at the end. */
  unsignedAt(at: number, value: number): void {
    this.bytes.writeUInt32BE(value, at)
  }

  get written(): number {
    return this.length
  }

  /** What was written so far; valid until the next write. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  private room(count: number): number {
    const at = this.length
    const needed = at + count
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, at)
      this.bytes = grown
    }
    this.length = needed
    return at
  }
}

/** Reads values one after the other. Throws a `protocol` error where bytes are missing, a limit is passed, or bytes are not XDR. */
export class XdrReader {
  private readonly bytes: Buffer
  private at: number

  /** @param bytes are read, never written or kept: what is handed out is a copy */
  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  int(): number {
    return this.bytes.readInt32BE(this.take(4, 'an int'))
  }

  unsigned(): number {
    return this.bytes.readUInt32BE(this.take(4, 'an unsigned int'))
  }

  hyper(): bigint {
    return this.bytes.readBigInt64BE(this.take(8, 'a hyper'))
  }

  unsignedHyper(): bigint {
    return this.bytes.readBigUInt64BE(this.take(8, 'an unsigned hyper'))
  }

  double(): number {
    return this.bytes.readDoubleBE(this.take(8, 'a double'))
  }

  bool(): boolean {
    const value = this.unsigned()
    if (value > 1) throw protocolError(`Found ${value} where yes (1) or no (0) was expected, at byte ${this.at - 4}.`)
    return value === 1
  }

  fixedOpaque(count: number): Buffer {
    return Buffer.from(this.view(count, `${count} bytes`))
  }

  opaque(bytesMax: number): Buffer {
    const count = this.count(bytesMax, 'bytes')
    return this.fixedOpaque(count)
  }

  string(bytesMax: number): string {
    const count = this.count(bytesMax, 'bytes of text')
    return this.view(count, `a string of ${count} bytes`).toString('utf8')
  }

  /** How many follow: at most `max`, and no more than could stand in the bytes that are left, four bytes each. */
  arrayLength(max: number): number {
    const count = this.count(max, 'elements')
    if (count * STEP > this.left) throw protocolError(`${count} elements can not stand in the ${this.left} bytes left.`)
    return count
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  /** Call when everything was read that should be there. */
  finish(): void {
    if (this.left !== 0) throw protocolError(`${this.left} bytes follow where the message should end.`)
  }

  private count(max: number, what: string): number {
    const count = this.unsigned()
    if (count > max)
      throw protocolError(`${count} ${what} are announced at byte ${this.at - 4}; at most ${max} may be.`)
    return count
  }

  private view(count: number, what: string): Buffer {
    const padding = paddingAfter(count)
    const start = this.take(count + padding, what)
    for (let i = start + count; i < this.at; i++) {
      if (this.bytes[i] !== 0) throw protocolError(`Byte ${i} is padding and not zero.`)
    }
    return this.bytes.subarray(start, start + count)
  }

  private take(count: number, what: string): number {
    const start = this.at
    if (count > this.left)
      throw protocolError(`The message ends within ${what}, at byte ${start}: ${this.left} are left.`)
    this.at = start + count
    return start
  }
}

function paddingAfter(count: number): number {
  return (STEP - (count % STEP)) % STEP
}

function outside(value: number | bigint, what: string): LibvirtError {
  return new LibvirtError('argument', `${value} is not ${what}, as the protocol wants it here.`)
}
