/** The world failing is a typed error with a code, a cause and whether trying again may help. */

abstract class WorldError<Code extends string> extends Error {
  readonly code: Code
  readonly retryable: boolean

  constructor(code: Code, retryable: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.retryable = retryable
  }
}

export type HypervisorErrorCode =
  | 'unreachable'
  | 'unauthorised'
  | 'unknown-vm'
  | 'unknown-host'
  | 'busy'
  | 'refused'
  | 'protocol'

/** The platform failed to answer, refused, or answered nonsense. Carries what the operator needs to act. */
export class HypervisorError extends WorldError<HypervisorErrorCode> {
  override readonly name = 'HypervisorError'

  constructor(code: HypervisorErrorCode, message: string, options?: ErrorOptions) {
    super(code, code === 'unreachable' || code === 'busy', message, options)
  }
}

export type TelemetryErrorCode = 'unreachable' | 'unauthorised' | 'protocol' | 'exhausted'

/** Nobody could tell how the VMs do. `exhausted`: a recording has come to its end. */
export class TelemetryError extends WorldError<TelemetryErrorCode> {
  override readonly name = 'TelemetryError'

  constructor(code: TelemetryErrorCode, message: string, options?: ErrorOptions) {
    super(code, code === 'unreachable', message, options)
  }
}

/** `fenced`: another process has taken over; `locked`: another process has the store; `newer`: its schema is of a later version. */
export type StoreErrorCode =
  | 'full'
  | 'corrupt'
  | 'closed'
  | 'invalid'
  | 'io'
  | 'fenced'
  | 'locked'
  | 'newer'
  | 'unreachable'

/** What was to be kept could not be kept, or what was kept can't be read. */
export class StoreError extends WorldError<StoreErrorCode> {
  override readonly name = 'StoreError'

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(code, code === 'full' || code === 'io' || code === 'unreachable', message, options)
  }
}
