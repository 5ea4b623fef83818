import type { MissingReason } from '../../terms/host-measurement.ts'

export type BenchmarkErrorCode = Exclude<MissingReason, 'not-asked' | 'not-readable'>

/** One benchmark gave no value. Others go on. */
export class BenchmarkError extends Error {
  override readonly name = 'BenchmarkError'
  readonly code: BenchmarkErrorCode
  /** The program, such as `fio`. */
  readonly tool: string

  constructor(code: BenchmarkErrorCode, tool: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.tool = tool
  }
}
