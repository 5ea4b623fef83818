/** The protocol of MySQL and MariaDB (handshake 10, protocol 4.1), as far as a client needs it that signs in and asks a few queries. */
import { MachineError, type Secrets } from '../machine.ts'
import { CollectError } from './application.ts'
import { concat, latin1, utf8Bytes, type Wire } from './wire.ts'

/** LONG_PASSWORD, LONG_FLAG, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH. Not LOCAL_FILES: no server gets a file of ours. */
const CAPABILITIES = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | 0x80000
const UTF8MB4 = 45
const PACKET_BYTES_MAX = 64 * 1024
const COLUMNS_MAX = 64
const ROWS_MAX = 2000
/** Rounds of authentication: a switch of method, a challenge, an answer. */
const STEPS_MAX = 8

/** An error of the server by its number; its text is not kept. */
export class MysqlError extends CollectError {
  readonly code: number

  constructor(code: number) {
    super(`MySQL answers with error ${code}`, { isRefusal: REFUSALS.has(code) })
    this.code = code
  }
}

export interface MysqlSignIn {
  readonly user: string
  /** On a local socket a password may be sent as it is. */
  readonly isLocalSocket: boolean
  readonly password?: Uint8Array
}

/** From a new connection to the first OK. Rejects with `CollectError`. */
export async function signIn(wire: Wire, secrets: Secrets, who: MysqlSignIn): Promise<void> {
  const hello = await readPacket(wire)
  if (hello.body[0] === ERROR) throw failure(hello.body)
  let { method, salt } = readGreeting(hello.body)
  const first = answerTo(secrets, who, method, salt)
  const head = concat(int32(CAPABILITIES), int32(PACKET_BYTES_MAX), Uint8Array.of(UTF8MB4), new Uint8Array(23))
  const tail = [utf8Bytes(who.user), NUL, Uint8Array.of(first.length), first, utf8Bytes(method), NUL]
  await wire.write(packet(hello.sequence + 1, head, ...tail))
  for (let step = 0; step < STEPS_MAX; step++) {
    const { body, sequence } = await readPacket(wire)
    const kind = body[0]
    if (kind === OK) return
    if (kind === ERROR) throw failure(body)
    if (kind === SWITCH) {
      ;({ method, salt } = readSwitch(body))
      await wire.write(packet(sequence + 1, answerTo(secrets, who, method, salt)))
    } else if (kind === MORE && method === SHA2) {
      if (body[1] === SHA2_FAST) continue
      if (body[1] !== SHA2_FULL) throw notMysql()
      if (!who.isLocalSocket) throw new CollectError(FULL_OVER_TCP, { isRefusal: true, remedy: LOCAL_SOCKET })
      await wire.write(packet(sequence + 1, who.password ?? NOTHING, NUL))
    } else throw notMysql()
  }
  throw notMysql()
}

/** Asks one query. Each row is a list of texts, null where the server says so. */
export async function query(wire: Wire, sql: string): Promise<readonly (readonly (string | null)[])[]> {
  await wire.write(packet(0, Uint8Array.of(COMMAND_QUERY), utf8Bytes(sql)))
  const { body: first } = await readPacket(wire)
  if (first[0] === ERROR) throw failure(first)
  const columns = first[0]
  // 0 is an answer without rows, 0xfb asks for a file of ours.
  if (first.length !== 1 || columns < 1 || columns > COLUMNS_MAX) throw notMysql()
  for (let i = 0; i < columns; i++) await readPacket(wire)
  if (!isEnd((await readPacket(wire)).body)) throw notMysql()
  const rows: (readonly (string | null)[])[] = []
  for (let count = 0; count <= ROWS_MAX; count++) {
    const { body } = await readPacket(wire)
    if (isEnd(body)) return rows
    if (body[0] === ERROR) throw failure(body)
    rows.push(readRow(body, columns))
  }
  throw notMysql()
}

/** mysql_native_password: SHA1(password) xor SHA1(salt, SHA1(SHA1(password))). */
export function nativeAnswer(secrets: Secrets, password: Uint8Array, salt: Uint8Array): Uint8Array {
  const once = secrets.digest('sha1', password)
  const mask = secrets.digest('sha1', concat(salt, secrets.digest('sha1', once)))
  return once.map((byte, i) => byte ^ mask[i])
}

/** caching_sha2_password: SHA256(password) xor SHA256(SHA256(SHA256(password)), salt). */
export function sha2Answer(secrets: Secrets, password: Uint8Array, salt: Uint8Array): Uint8Array {
  const once = secrets.digest('sha256', password)
  const mask = secrets.digest('sha256', concat(secrets.digest('sha256', once), salt))
  return once.map((byte, i) => byte ^ mask[i])
}

/** Whatever listens there, it is neither MySQL nor MariaDB. */
export function notMysql(): CollectError {
  return new CollectError('what answers does not speak as MySQL does', { isRefusal: true })
}

const NOTHING = new Uint8Array(0)
const NUL = Uint8Array.of(0)
const OK = 0x00
const MORE = 0x01
const SWITCH = 0xfe
const ERROR = 0xff
const COMMAND_QUERY = 0x03
const SHA2 = 'caching_sha2_password'
const SHA2_FAST = 3
const SHA2_FULL = 4
const SALT_BYTES = 20
/** Access denied (1044, 1045, 1698), host not allowed (1130), a table or a column denied (1142, 1143), no such privilege (1227). */
const REFUSALS: ReadonlySet<number> = new Set([1044, 1045, 1130, 1142, 1143, 1227, 1698])
/** The server is shutting down. */
const SHUTDOWN: ReadonlySet<number> = new Set([1053, 1927])
const LOCAL_SOCKET = 'write `socket = /run/mysqld/mysqld.sock` instead of host and port'
const FULL_OVER_TCP =
  'MySQL wants the whole password (caching_sha2_password, not cached): it is sent over a local socket only'

function answerTo(secrets: Secrets, who: MysqlSignIn, method: string, salt: Uint8Array): Uint8Array {
  const { password } = who
  if (method === 'unix_socket' || method === 'auth_socket') return NOTHING
  if (password === undefined) return NOTHING
  if (method === 'mysql_native_password') return nativeAnswer(secrets, password, salt)
  if (method === SHA2) return sha2Answer(secrets, password, salt)
  if (method === 'mysql_clear_password' && who.isLocalSocket) return concat(password, NUL)
  const shown = /^\w{1,40}$/.test(method) ? method : 'unknown'
  throw new CollectError(`MySQL wants authentication ${shown}, which the agent does not speak here`, {
    isRefusal: true,
  })
}

async function readPacket(wire: Wire): Promise<{ readonly body: Uint8Array; readonly sequence: number }> {
  const head = await wire.take(4)
  const length = head[0] | (head[1] << 8) | (head[2] << 16)
  const sequence = head[3]
  if (length < 1 || length > PACKET_BYTES_MAX) throw notMysql()
  return { body: await wire.take(length), sequence }
}

function packet(sequence: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts)
  return concat(Uint8Array.of(body.length, body.length >> 8, body.length >> 16, sequence), body)
}

/** Version 10: version text, thread, 8 bytes of salt, capabilities and the like, at least 12 more bytes of salt, name of the method. */
function readGreeting(body: Uint8Array): { method: string; salt: Uint8Array } {
  const version = body.indexOf(0)
  const from = version + 5
  if (body[0] !== 10 || version < 0 || body.length < from + 44) throw notMysql()
  const salt = concat(body.subarray(from, from + 8), body.subarray(from + 27, from + 39))
  const name = body.subarray(from + 40)
  const end = name.indexOf(0)
  return { method: latin1(end < 0 ? name : name.subarray(0, end)), salt }
}

function readSwitch(body: Uint8Array): { method: string; salt: Uint8Array } {
  const end = body.indexOf(0, 1)
  if (end < 0) throw notMysql()
  return { method: latin1(body.subarray(1, end)), salt: body.slice(end + 1, end + 1 + SALT_BYTES) }
}

function isEnd(body: Uint8Array): boolean {
  return body[0] === SWITCH && body.length < 9
}

/** Texts with their length before them: one byte up to 250, or a mark and two bytes. Longer ones are no number and no name. */
function readRow(body: Uint8Array, columns: number): readonly (string | null)[] {
  const row: (string | null)[] = []
  let at = 0
  for (let i = 0; i < columns; i++) {
    const mark = body[at]
    if (mark === undefined || mark > 0xfc) throw notMysql()
    const isLong = mark === 0xfc
    const length = mark === 0xfb ? 0 : isLong ? body[at + 1] | (body[at + 2] << 8) : mark
    at += isLong ? 3 : 1
    if (at + length > body.length) throw notMysql()
    row.push(mark === 0xfb ? null : latin1(body.subarray(at, at + length)))
    at += length
  }
  return row
}

function failure(body: Uint8Array): Error {
  const code = body.length < 3 ? 0 : body[1] | (body[2] << 8)
  return SHUTDOWN.has(code) ? new MachineError('ECONNRESET', 'MySQL was stopped') : new MysqlError(code)
}

function int32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
}
