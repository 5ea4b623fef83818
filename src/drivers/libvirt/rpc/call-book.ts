/** Who waits for what: calls that are in work at the daemon, by serial, and those that wait for their turn. */
import { LibvirtError } from './errors.ts'
import type { XdrReader } from './xdr.ts'

/** A call as the connection keeps it. */
export interface Call {
  readonly serial: number
  readonly name: string
  readonly number: number
  readonly bytes: Buffer
  /** Takes the payload of a reply, good or bad. */
  readonly answer: (payload: XdrReader, isError: boolean) => void
  readonly reject: (error: LibvirtError) => void
  readonly timer: NodeJS.Timeout | undefined
}

export interface CallBookOptions {
  readonly callsInWorkMax: number
  readonly callsWaitingMax: number
  readonly send: (bytes: Buffer) => void
}

export class CallBook {
  private readonly options: CallBookOptions
  /** Undefined stands for a call that its caller has given up: the daemon still works on it. */
  private readonly inWork = new Map<number, Call | undefined>()
  private readonly waiting: Call[] = []
  private lastSerial = 0

  constructor(options: CallBookOptions) {
    this.options = options
  }

  get callsInWork(): number {
    return this.inWork.size
  }

  get callsWaiting(): number {
    return this.waiting.length
  }

  get isFull(): boolean {
    return this.waiting.length >= this.options.callsWaitingMax
  }

  nextSerial(): number {
    do {
      this.lastSerial = this.lastSerial === 0xffff_ffff ? 1 : this.lastSerial + 1
    } while (this.inWork.has(this.lastSerial))
    return this.lastSerial
  }

  add(call: Call): void {
    this.waiting.push(call)
    this.pump()
  }

  /** Takes a call out for which a reply has come. `unknown`: nobody sent one; undefined: nobody wants it any more. */
  take(serial: number): Call | undefined | 'unknown' {
    if (!this.inWork.has(serial)) return 'unknown'
    const call = this.inWork.get(serial)
    this.inWork.delete(serial)
    clearTimeout(call?.timer)
    return call
  }

  /** Sends what may be sent. */
  pump(): void {
    while (this.inWork.size < this.options.callsInWorkMax) {
      const call = this.waiting.shift()
      if (call === undefined) return
      this.inWork.set(call.serial, call)
      this.options.send(call.bytes)
    }
  }

  /** Whether a call that is given up had been sent; one that had not never will be. */
  giveUp(serial: number): { readonly wasSent: boolean } {
    const place = this.waiting.findIndex((call) => call.serial === serial)
    if (place >= 0) {
      this.waiting.splice(place, 1)
      return { wasSent: false }
    }
    this.inWork.set(serial, undefined)
    return { wasSent: true }
  }

  /** Rejects every call: those that were sent have an unknown fate. */
  failAll(end: LibvirtError): void {
    const sent = [...this.inWork.values()]
    const waited = this.waiting.splice(0)
    this.inWork.clear()
    for (const call of sent) if (call !== undefined) fail(call, end, true)
    for (const call of waited) fail(call, end, false)
  }
}

function fail(call: Call, end: LibvirtError, wasSent: boolean): void {
  clearTimeout(call.timer)
  const what = wasSent ? 'was sent and not answered: whether it was done is unknown' : 'was never sent'
  const options = { fate: wasSent ? 'unknown' : 'never-sent', cause: end } as const
  call.reject(new LibvirtError(end.code, `${call.name} ${what}. ${end.message}`, options))
}
