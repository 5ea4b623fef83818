/** Signing in to PostgreSQL: trust and peer (nothing to say), password in clear on local connections, MD5, SCRAM-SHA-256. */
import { decodeBase64, encodeBase64 } from '../../../terms/base64.ts'
import type { Address, Secrets } from '../machine.ts'
import { CollectError } from './application.ts'
import { COLLECT_MS_MAX } from './deadline.ts'
import { cString, int32, message, nextMessage, notPostgres, readInt32, startupMessage } from './postgres-wire.ts'
import { bytesOf, concat, latin1, utf8Bytes, type Wire } from './wire.ts'

const OK = 0
const CLEAR_TEXT = 3
const MD5 = 5
const SASL = 10
const SASL_CONTINUE = 11
const SASL_FINAL = 12
/** PostgreSQL's default is 4096. A server that asks for more wants our CPU: a million would take half a second of it. */
const ITERATIONS_MAX = 100_000
const NONCE_BYTES = 18
/** Messages until a session is ready: authentication in at most four, then parameters, which are passed over, and the key. */
const STEPS_MAX = 16

/** A look at statistics waits for no lock, writes nothing, believes no name of others, and is not worth compiling. */
const OPTIONS = '-c lock_timeout=500 -c default_transaction_read_only=on -c search_path=pg_catalog -c jit=off'

export interface SignIn {
  readonly user: string
  readonly database: string
  readonly address: Address
  /** Asked for only if the server wants one. */
  readonly password: () => Promise<Uint8Array | undefined>
}

/** From a new connection to the first ReadyForQuery. Rejects with `CollectError`. */
export async function signIn(wire: Wire, secrets: Secrets, who: SignIn): Promise<void> {
  // A statement that waits longer than we do is ended by the server itself.
  const options = `-c statement_timeout=${COLLECT_MS_MAX} ${OPTIONS}`
  const { user, database } = who
  await wire.write(
    startupMessage({ user, database, application_name: 'ethos-agent', client_encoding: 'UTF8', options }),
  )
  for (let step = 0; step < STEPS_MAX; step++) {
    const { kind, body } = await nextMessage(wire)
    if (kind === 'Z') return
    if (kind === 'K') continue
    if (kind !== 'R' || body.length < 4) throw notPostgres()
    const method = readInt32(body, 0)
    if (method === OK) continue
    const password = await who.password()
    if (password === undefined) throw wantsPassword(who)
    if (method === CLEAR_TEXT) await wire.write(message('p', clearText(password, who.address), NUL))
    else if (method === MD5) await wire.write(message('p', md5Answer(secrets, who.user, password, body.slice(4)), NUL))
    else if (method === SASL) await scram(wire, secrets, password, latin1(body.subarray(4)))
    else throw new CollectError(`PostgreSQL wants authentication ${method}, which the agent does not speak`, REFUSED)
  }
  throw notPostgres()
}

const NUL = Uint8Array.of(0)
const REFUSED = { isRefusal: true }

function wantsPassword({ user }: SignIn): CollectError {
  const remedy = `write \`[postgresql]\` with \`user\` and \`password-file\` into the settings, or let ${user} in by peer in pg_hba.conf`
  return new CollectError('PostgreSQL wants a password', { isRefusal: true, remedy })
}

function clearText(password: Uint8Array, address: Address): Uint8Array {
  if ('path' in address || address.host === '127.0.0.1' || address.host === '::1' || address.host === 'localhost')
    return password
  const remedy = 'password_encryption = scram-sha-256, and that method in pg_hba.conf'
  throw new CollectError('PostgreSQL wants the password in clear over a network: it is not sent', {
    ...REFUSED,
    remedy,
  })
}

/** `md5` and the digest of (the digest of password and user, in hex) and the salt. */
export function md5Answer(secrets: Secrets, user: string, password: Uint8Array, salt: Uint8Array): Uint8Array {
  const inner = hex(secrets.digest('md5', concat(password, utf8Bytes(user))))
  return bytesOf(`md5${hex(secrets.digest('md5', concat(bytesOf(inner), salt)))}`)
}

/** SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The server has to prove that it knows the password too. */
async function scram(wire: Wire, secrets: Secrets, password: Uint8Array, mechanisms: string): Promise<void> {
  if (!mechanisms.split('\0').includes('SCRAM-SHA-256')) throw notPostgres()
  const exchange = scramExchange(secrets, password, encodeBase64(secrets.randomBytes(NONCE_BYTES)))
  const first = bytesOf(exchange.first)
  await wire.write(message('p', cString('SCRAM-SHA-256'), int32(first.length), first))
  const { final, verifier } = exchange.answer(await saslText(wire, SASL_CONTINUE))
  await wire.write(message('p', bytesOf(final)))
  if (!exchange.isProven(await saslText(wire, SASL_FINAL), verifier))
    throw new CollectError('PostgreSQL does not prove that it knows the password: is it another server?', REFUSED)
}

async function saslText(wire: Wire, method: number): Promise<string> {
  const { kind, body } = await nextMessage(wire)
  if (kind !== 'R' || body.length < 4 || readInt32(body, 0) !== method) throw notPostgres()
  return latin1(body.subarray(4))
}

/** The client's side of one exchange, without its wire. */
export interface ScramExchange {
  readonly first: string
  /** Our answer to the server's first message, and what the server has to prove itself with. */
  answer(serverFirst: string): { readonly final: string; readonly verifier: string }
  isProven(serverFinal: string, verifier: string): boolean
}

/** @param nonce printable, without a comma
 *  @param user PostgreSQL takes it from the beginning of the session, and leaves it empty here */
export function scramExchange(secrets: Secrets, password: Uint8Array, nonce: string, user = ''): ScramExchange {
  const bare = `n=${user},r=${nonce}`
  return {
    first: `n,,${bare}`,
    answer(serverFirst) {
      const [, theirs = '', salt = '', count = ''] =
        /^r=([!-+\--~]{1,256}),s=([\w+/=]{4,256}),i=(\d{1,7})$/.exec(serverFirst) ?? []
      const saltBytes = decodeBase64(salt)
      const iterations = Number(count)
      if (!theirs.startsWith(nonce) || theirs === nonce || saltBytes === undefined || iterations < 1)
        throw notPostgres()
      if (iterations > ITERATIONS_MAX)
        throw new CollectError(
          `PostgreSQL wants ${iterations} rounds of SCRAM; at most ${ITERATIONS_MAX} are done`,
          REFUSED,
        )
      const salted = secrets.pbkdf2Sha256(password, saltBytes, iterations, 32)
      const clientKey = secrets.hmacSha256(salted, bytesOf('Client Key'))
      // biws is the base64 of "n,,": no channel binding.
      const unsigned = `c=biws,r=${theirs}`
      const signed = bytesOf(`${bare},${serverFirst},${unsigned}`)
      const signature = secrets.hmacSha256(secrets.digest('sha256', clientKey), signed)
      const proof = clientKey.map((byte, i) => byte ^ signature[i])
      const verifier = secrets.hmacSha256(secrets.hmacSha256(salted, bytesOf('Server Key')), signed)
      return { final: `${unsigned},p=${encodeBase64(proof)}`, verifier: encodeBase64(verifier) }
    },
    isProven: (serverFinal, verifier) => serverFinal === `v=${verifier}`,
  }
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
