/** The PostgreSQL protocol, version 3, as far as a client needs it that signs in and asks one simple query after the other. */
import { MachineError } from '../machine.ts'
import { CollectError } from './application.ts'
import { bytesOf, concat, latin1, utf8Bytes, type Wire } from './wire.ts'

/** Version 3.0. */
const PROTOCOL = 196_608
/** A message that is longer is not an answer to anything that we ask. */
const MESSAGE_BYTES_MAX = 64 * 1024
/** Messages until an answer is whole: our queries have a few rows. */
const MESSAGES_MAX = 1000

/** One message of the server: its letter and what follows. The bytes are valid until the next message. */
export interface Message {
  readonly kind: string
  readonly body: Uint8Array
}

/** An error of the server by its code (SQLSTATE). Its text is not kept: it may quote what others wrote. */
export class PostgresError extends CollectError {
  readonly code: string

  constructor(code: string) {
    super(`PostgreSQL answers with error ${code}`, { isRefusal: REFUSALS.has(code.slice(0, 2)) })
    this.code = code
  }
}

/** Begins a session: user, database, and settings of ours that keep the server from waiting for us. */
export function startupMessage(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [utf8Bytes(name), NUL, utf8Bytes(value), NUL])
  return framed(concat(int32(PROTOCOL), ...pairs, NUL))
}

/** A message with a letter: `Q` with a query, `p` with a password or a step of SASL. */
export function message(kind: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return concat(bytesOf(kind), framed(concat(...parts)))
}

/** Text that ends with a NUL. */
export function cString(text: string): Uint8Array {
  return concat(utf8Bytes(text), NUL)
}

export function int32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** The next message. Notices and changed parameters, which may come at any time, are passed over; errors are thrown. */
export async function nextMessage(wire: Wire): Promise<Message> {
  for (let count = 0; count < MESSAGES_MAX; count++) {
    const head = await wire.take(5)
    const kind = String.fromCharCode(head[0])
    const length = readInt32(head, 1) - 4
    if (length < 0 || length > MESSAGE_BYTES_MAX || !KINDS.includes(kind)) throw notPostgres()
    const body = await wire.take(length)
    if (kind === 'E') throw failure(errorCode(body))
    if (kind !== 'N' && kind !== 'S' && kind !== 'A') return { kind, body }
  }
  throw notPostgres()
}

/** Asks and reads all rows: each a list of texts, null where the server says so. Several statements are one transaction; their rows follow
 *  each other. After an error the session is ready for the next query. */
export async function query(wire: Wire, sql: string): Promise<readonly (readonly (string | null)[])[]> {
  await wire.write(message('Q', cString(sql)))
  const rows: (readonly (string | null)[])[] = []
  let error: PostgresError | undefined
  for (let count = 0; count < MESSAGES_MAX; count++) {
    try {
      const { kind, body } = await nextMessage(wire)
      if (kind === 'Z') {
        if (error !== undefined) throw error
        return rows
      }
      if (kind === 'D') rows.push(readRow(body))
    } catch (caught) {
      if (!(caught instanceof PostgresError) || error !== undefined) throw caught
      error = caught
    }
  }
  throw notPostgres()
}

/** Whatever listens there, it is no PostgreSQL. */
export function notPostgres(): CollectError {
  return new CollectError('what answers does not speak as PostgreSQL does', { isRefusal: true })
}

/** A 32-bit number, signed. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
}

const NUL = Uint8Array.of(0)
/** Classes of errors that do not pass by themselves: authorization, no such database, syntax or access. */
const REFUSALS = new Set(['28', '3D', '42'])
/** The server ends, by its administrator or by a crash. The connection is lost, and another may be had. */
const SHUTDOWN = new Set(['57P01', '57P02'])
/** Authentication, key, command done, row, error, empty query, notice, parameter, notification, row description, ready, negotiation. */
const KINDS = 'RKCDEINSATZv'
const COLUMNS_MAX = 64

function failure(code: string): Error {
  return SHUTDOWN.has(code) ? new MachineError('ECONNRESET', 'PostgreSQL was stopped') : new PostgresError(code)
}

function framed(body: Uint8Array): Uint8Array {
  return concat(int32(body.length + 4), body)
}

/** DataRow: number of columns, then for each its length (-1 is null) and bytes. */
function readRow(body: Uint8Array): readonly (string | null)[] {
  const columns = body.length < 2 ? COLUMNS_MAX + 1 : (body[0] << 8) | body[1]
  if (columns > COLUMNS_MAX) throw notPostgres()
  const row: (string | null)[] = []
  let at = 2
  for (let i = 0; i < columns; i++) {
    if (at + 4 > body.length) throw notPostgres()
    const length = readInt32(body, at)
    at += 4
    if (length < -1 || at + length > body.length) throw notPostgres()
    row.push(length === -1 ? null : latin1(body.subarray(at, at + length)))
    at += Math.max(0, length)
  }
  return row
}

/** ErrorResponse: fields of a letter and text each; C is the code, five letters and digits. */
function errorCode(body: Uint8Array): string {
  const text = latin1(body.subarray(0, 1024))
  const code = text
    .split('\0')
    .find((field) => field.startsWith('C'))
    ?.slice(1)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : '?????'
}
