/** What a command that asks a server ends with. Documented in docs/cli.md; never renumbered. */
export const EXIT = {
  done: 0,
  /** The answer is no: no suitable host, a refusal, something wrong found. */
  no: 1,
  /** Wrong words, or the server refused them. */
  usage: 2,
  unreachable: 3,
  notAllowed: 4,
  unknown: 5,
} as const

/** The server did not do what was asked. The message is for the operator. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly exitCode: number
  /** Of the answer; 0 where none came. */
  readonly status: number

  constructor(exitCode: number, message: string, { status = 0, ...options }: ErrorOptions & { status?: number } = {}) {
    super(message, options)
    this.exitCode = exitCode
    this.status = status
  }

  /** @param answer the parsed body: `{error: {message, remedy}}`, or anything else from who knows whom */
  static ofAnswer(status: number, answer: unknown, server: string): ApiError {
    const { message, remedy } = readError(answer)
    const said = [message ?? `${server} answered ${status}.`, ...(remedy === undefined ? [] : [remedy])].join(' ')
    if (status === 401)
      return new ApiError(
        EXIT.notAllowed,
        `${server} does not know the token, or it has ended. Log in again: ethos login`,
        { status },
      )
    if (status === 403) return new ApiError(EXIT.notAllowed, said, { status })
    if (status === 404) return new ApiError(EXIT.unknown, NOT_THERE, { status })
    if (status === 429 || status >= 500) return new ApiError(EXIT.unreachable, said, { status })
    return new ApiError(EXIT.usage, said, { status })
  }

  /** It answered, and not what is asked for here. */
  static notUnderstood(server: string, cause: unknown): ApiError {
    const remedy = 'Is it of another version than this command? --json shows the answer as it came.'
    return new ApiError(EXIT.unreachable, `What ${server} answered can not be shown. ${remedy}`, { cause })
  }

  static unreachable(server: string, cause: Error): ApiError {
    // Errors of the system have a code of capitals; what we say ourselves is a sentence.
    const code = 'code' in cause ? String(cause.code) : cause.message
    return new ApiError(EXIT.unreachable, `${server} can not be asked (${code}). ${REMEDIES[code] ?? REMEDY}`, {
      cause,
    })
  }
}

/** Of what a server says: nobody reads more. */
const SHOWN_LENGTH_MAX = 2000
/** The server says the same of what is not there and of what may not be seen. */
const NOT_THERE =
  'There is nothing of that name. `ethos vms --names`, `ethos hosts --names` and `ethos moves` list what there is.'
const REMEDY = 'Is it running, and is this its address?'
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there. Is `ethos serve` running, and is this its port?',
  ECONNRESET: 'The connection ended before the answer did. Was the server stopped?',
  ENOTFOUND: 'No such name. Is it spelled right?',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its certificate is of an authority of its own: name it with --ca, or log in with it.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'Its certificate is of an authority of its own: name it with --ca, or log in with it.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for other names: start it with --name, or use one of those.',
  EPROTO: 'What answers there speaks no TLS 1.3. Is it Ethos, and not a proxy before it?',
  CERT_HAS_EXPIRED: 'Its certificate has ended. Is the clock right, here and there?',
}

function readError(answer: unknown): { readonly message?: string; readonly remedy?: string } {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return {}
  const { error } = answer
  if (typeof error === 'string') return { message: error }
  if (typeof error !== 'object' || error === null) return {}
  const message = textOf('message' in error ? error.message : undefined)
  const remedy = textOf('remedy' in error ? error.remedy : undefined)
  return { ...(message === undefined ? {} : { message }), ...(remedy === undefined ? {} : { remedy }) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, SHOWN_LENGTH_MAX) : undefined
}
