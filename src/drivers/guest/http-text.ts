/** HTTP/1.1 as a client speaks it (RFC 9112), in bytes, without sockets: engines' own clients cost the agent more memory than all else that it says
 *  over the network. What is doubtful is refused: an answer is whole and understood, or it is an error. */
import { type HttpRequest, MachineError } from './machine.ts'

/** Names and values of an answer together, and a line of a chunked body. */
const HEAD_BYTES_MAX = 16 * 1024
const CR = 13
const LF = 10
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/
const HEADER_LINE = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/
const TARGET = /^[\x21-\x7e]+$/
/** More is no number that is exact. */
const LENGTH = /^\d{1,15}$/
const CHUNK_SIZE = /^([\da-fA-F]{1,8})[ \t]*(?:;.*)?$/

export interface WholeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Whether the connection can carry another request. */
  readonly canGoOn: boolean
}

/** A request as it goes over the wire, all but its body, one byte per letter. Throws `MachineError` where the words could be read as more than one. */
export function requestHead(
  { method, headers = {} }: Pick<HttpRequest, 'method' | 'headers'>,
  to: { readonly target: string; readonly host: string; readonly bodyBytes?: number; readonly keepAlive: boolean },
): string {
  const lines = Object.entries({
    host: to.host,
    ...headers,
    ...(to.bodyBytes === undefined ? {} : { 'content-length': String(to.bodyBytes) }),
    connection: to.keepAlive ? 'keep-alive' : 'close',
  }).map(([name, value]) => `${name}: ${value}`)
  const isPlain = lines.every((line) => HEADER_LINE.test(line) && !/[\0\r\n]|[^\0-\xff]/.test(line))
  if (!TARGET.test(to.target) || !isPlain) throw new MachineError('EINVAL', `${to.target}: no words of an HTTP request`)
  return `${method} ${to.target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

type Part = 'head' | 'bytes' | 'to the end' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'whole'

/** Puts one answer together from the parts in which it comes. Throws `MachineError`: EPROTO for what is no HTTP, EMSGSIZE for too much of it, ECONNRESET
 *  where it ended too early. */
export class AnswerReader {
  private readonly bodyBytesMax: number
  private part: Part = 'head'
  /** Bytes that came and are not understood yet. */
  private pending: Uint8Array = new Uint8Array(0)
  private headBytes = 0
  private status = 0
  private isNewProtocol = false
  private lines: string[] = []
  private headers: Record<string, string> = {}
  /** Of which the first `bodyBytes` have come. */
  private body = new Uint8Array(0)
  private bodyBytes = 0
  /** Of the body, or of the chunk. */
  private leftBytes = 0

  constructor(bodyBytesMax: number) {
    this.bodyBytesMax = bodyBytesMax
  }

  /** Takes the next bytes. Returns the answer once it is whole. */
  push(bytes: Uint8Array): WholeAnswer | undefined {
    this.pending = this.pending.length === 0 ? Uint8Array.from(bytes) : joined([this.pending, bytes])
    while (this.part !== 'whole' && this.step()) {
      // Each step takes something away from what is pending, or waits for more.
    }
    return this.part === 'whole' ? this.answer(this.canGoOn()) : undefined
  }

  /** The connection was ended: an answer without a length is whole then. */
  end(): WholeAnswer {
    if (this.part === 'to the end') return this.answer(false)
    const where = this.part === 'head' ? 'before the answer' : 'in the middle of a body'
    throw new MachineError('ECONNRESET', `the connection ended ${where}`)
  }

  /** False where more bytes are needed. */
  private step(): boolean {
    if (this.part === 'bytes' || this.part === 'chunk') return this.takeCounted()
    if (this.part === 'to the end') {
      this.keep(this.pending)
      this.pending = this.pending.subarray(this.pending.length)
      return false
    }
    const line = this.takeLine()
    if (line === undefined) return false
    if (this.part === 'chunk size') this.beginChunk(line)
    else if (this.part === 'chunk end') {
      if (line !== '') throw protocol('a chunk is longer than it said')
      this.part = 'chunk size'
      this.headBytes = 0
    } else if (line !== '') {
      if (this.part === 'head') this.lines.push(line)
    } else if (this.part === 'trailers') this.part = 'whole'
    else this.understandHead()
    return true
  }

  private takeCounted(): boolean {
    const taken = this.pending.subarray(0, this.leftBytes)
    this.keep(taken)
    this.leftBytes -= taken.length
    this.pending = this.pending.subarray(taken.length)
    if (this.leftBytes > 0) return false
    this.part = this.part === 'bytes' ? 'whole' : 'chunk end'
    return true
  }

  private takeLine(): string | undefined {
    const end = this.pending.indexOf(LF)
    if (this.headBytes + (end < 0 ? this.pending.length : end) > HEAD_BYTES_MAX)
      throw new MachineError('EMSGSIZE', `more than ${HEAD_BYTES_MAX} bytes before a body`)
    if (end < 0) return undefined
    if (this.pending[end - 1] !== CR) throw protocol('a line does not end as lines of HTTP do')
    const line = latin1(this.pending.subarray(0, end - 1))
    this.headBytes += end + 1
    this.pending = this.pending.subarray(end + 1)
    return line
  }

  private understandHead(): void {
    const [first = '', ...rest] = this.lines
    this.lines = []
    const [, minor, status] = STATUS_LINE.exec(first) ?? []
    if (status === undefined) throw protocol('the answer is no HTTP/1.1')
    this.status = Number(status)
    this.isNewProtocol = minor === '1'
    this.headers = readHeaders(rest)
    // What is only informed of precedes the answer (RFC 9110, 15.2). Another protocol was not asked for.
    if (this.status === 101) throw protocol('the server changes the protocol')
    if (this.status < 200) return
    this.headBytes = 0
    this.beginBody()
  }

  private beginBody(): void {
    const { 'transfer-encoding': coding, 'content-length': length } = this.headers
    if (this.status === 204 || this.status === 304) {
      this.part = 'whole'
    } else if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked' || length !== undefined)
        throw protocol('the length of the body is doubtful')
      this.part = 'chunk size'
    } else if (length === undefined) this.part = 'to the end'
    else {
      if (!LENGTH.test(length)) throw protocol('the length of the body is doubtful')
      this.leftBytes = Number(length)
      if (this.leftBytes > this.bodyBytesMax) throw tooLarge(this.bodyBytesMax)
      this.part = 'bytes'
    }
  }

  private beginChunk(line: string): void {
    const [, size] = CHUNK_SIZE.exec(line) ?? []
    if (size === undefined) throw protocol('a chunk has no size')
    this.leftBytes = Number.parseInt(size, 16)
    this.part = this.leftBytes === 0 ? 'trailers' : 'chunk'
  }

  private keep(bytes: Uint8Array): void {
    this.bodyBytes += bytes.length
    if (this.bodyBytes > this.bodyBytesMax) throw tooLarge(this.bodyBytesMax)
    // Pieces kept apart would take a hundred times their bytes, were they small.
    if (this.bodyBytes > this.body.length) {
      const grown = new Uint8Array(Math.min(this.bodyBytesMax, Math.max(this.bodyBytes, 2 * this.body.length)))
      grown.set(this.body)
      this.body = grown
    }
    this.body.set(bytes, this.bodyBytes - bytes.length)
  }

  private canGoOn(): boolean {
    const says = (this.headers['connection'] ?? '').toLowerCase()
    // Bytes behind the answer belong to nothing that was asked.
    return this.isNewProtocol && !says.includes('close') && this.pending.length === 0
  }

  private answer(canGoOn: boolean): WholeAnswer {
    const { status, headers } = this
    return { status, headers, body: this.body.subarray(0, this.bodyBytes), canGoOn }
  }
}

/** Names in small letters; what is said twice is joined by a comma, as the protocol allows, so that two lengths are no length. */
function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? []
    if (name === undefined) throw protocol('a header is none')
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  return headers
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function protocol(what: string): MachineError {
  return new MachineError('EPROTO', what)
}

function tooLarge(bytesMax: number): MachineError {
  return new MachineError('EMSGSIZE', `more than ${bytesMax} bytes`)
}
