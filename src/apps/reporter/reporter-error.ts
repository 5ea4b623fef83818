export type ReporterErrorCode = 'no-identity' | 'unreachable' | 'not-taken' | 'later' | 'libvirt'

/** The reporter could not do its work for now; it goes on trying. The message says what an operator can do. */
export class ReporterError extends Error {
  override readonly name = 'ReporterError'
  readonly code: ReporterErrorCode
  /** When to try again, where the server said so. */
  readonly afterMs?: number

  constructor(code: ReporterErrorCode, message: string, options: ErrorOptions & { readonly afterMs?: number } = {}) {
    super(message, options)
    this.code = code
    if (options.afterMs !== undefined) this.afterMs = options.afterMs
  }
}
