import type { Machine } from '../../drivers/guest/machine.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { printable } from '../printable.ts'

/** Syslog's levels, as `sd-daemon(3)` reads them at the start of a line. */
const LEVELS = { error: '<3>', warning: '<4>', notice: '<5>', info: '<6>' } as const
export type LogLevel = keyof typeof LEVELS

/** The same kind of message at most this often; between them they are counted. */
const SAME_KIND_EVERY_MS = 10 * MINUTE_MS
/** Kinds are names in our code, not data; the bound is there all the same. */
const KINDS_MAX = 200

interface Kind {
  saidAtMs: number
  withheld: number
}

/** Lines for the journal: each kind at most every ten minutes, with what was withheld in between told at the next. A fault that lasts for
 *  a day is then 144 lines and not 17 280. */
export class Log {
  private readonly machine: Machine
  private readonly hasLevels: boolean
  private readonly kinds = new Map<string, Kind>()

  /** @param hasLevels lines begin with syslog's level, as the journal of systemd reads it */
  constructor(machine: Machine, { hasLevels }: { readonly hasLevels: boolean }) {
    this.machine = machine
    this.hasLevels = hasLevels
  }

  /** @param kind what sort of message it is, without values: by it the rate is limited */
  say(level: LogLevel, kind: string, text: string): void {
    const nowMs = this.machine.monotonicMs()
    const known = this.kinds.get(kind)
    if (known !== undefined && nowMs - known.saidAtMs < SAME_KIND_EVERY_MS) {
      known.withheld++
      return
    }
    const withheld = known?.withheld ?? 0
    if (known === undefined && this.kinds.size >= KINDS_MAX) this.kinds.clear()
    this.kinds.set(kind, { saidAtMs: nowMs, withheld: 0 })
    this.write(level, withheld === 0 ? text : `${text} (${withheld} more of these in between)`)
  }

  /** Said once in the life of a process, whatever was said before. */
  tell(level: LogLevel, text: string): void {
    this.write(level, text)
  }

  private write(level: LogLevel, text: string): void {
    const line = printable(text.replaceAll('\n', ' '))
    this.machine.self.complain(this.hasLevels ? `${LEVELS[level]}${line}\n` : `ethos agent: ${line}\n`)
  }
}
