/** A virtio-serial port as lines both ways, neither waiting. What the lines mean is the channel's business. */
import { type Machine, MachineError, type Port } from './machine.ts'

/** A server's answer is shorter; what is longer is garbage, and dropped up to its end. */
const LINE_BYTES_MAX = 1024
const LINE_FEED = 10

export class SerialLines {
  private readonly machine: Machine
  private readonly path: string
  private port: Port | undefined
  private unsent: Uint8Array = new Uint8Array(0)
  private held = ''
  private isDropping = false

  constructor(machine: Machine, path: string) {
    this.machine = machine
    this.path = path
  }

  /** Whether part of a line still waits for the host to take it. */
  get isSending(): boolean {
    return this.unsent.length > 0
  }

  /** Opens the port if it is not. True if it was opened now; a line that was cut off by that is ended. Throws `MachineError`. */
  open(): boolean {
    if (this.port !== undefined) return false
    this.port = this.machine.network.openPort(this.path)
    this.unsent = Uint8Array.of(LINE_FEED)
    this.held = ''
    this.isDropping = false
    return true
  }

  /** Takes a line for sending. Only while none is being sent. */
  say(line: string): void {
    const bytes = new Uint8Array(this.unsent.length + line.length + 1)
    bytes.set(this.unsent)
    for (let i = 0; i < line.length; i++) bytes[this.unsent.length + i] = line.charCodeAt(i)
    bytes[bytes.length - 1] = LINE_FEED
    this.unsent = bytes
  }

  /** Gives the host what it takes, and returns the lines that it said. Throws `MachineError`; the port is closed then. */
  exchange(): readonly string[] {
    const { port } = this
    if (port === undefined) throw new MachineError('ENOTCONN', `${this.path} is not open`)
    try {
      while (this.unsent.length > 0) {
        const taken = port.write(this.unsent)
        if (taken === 0) break
        this.unsent = this.unsent.subarray(taken)
      }
      return this.cut(port.read())
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    const { port } = this
    this.port = undefined
    try {
      port?.close()
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
    }
  }

  private cut(bytes: Uint8Array): readonly string[] {
    const lines: string[] = []
    for (const byte of bytes) {
      if (byte === LINE_FEED) {
        if (!this.isDropping && this.held !== '') lines.push(this.held)
        this.held = ''
        this.isDropping = false
      } else if (this.held.length >= LINE_BYTES_MAX) {
        this.isDropping = true
      } else if (!this.isDropping) {
        this.held += String.fromCharCode(byte)
      }
    }
    return lines
  }
}
