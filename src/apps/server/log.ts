/** What the server says of itself: for a person, or as JSON lines for a collector. */
import { type Logger, pino } from 'pino'
import { printable } from '../printable.ts'

/** Fields that would hold a secret if anybody ever logged them whole. */
const SECRETS = ['token', 'secret', 'proof', 'privateKey', 'body', 'headers', '*.token', '*.secret', '*.privateKey']
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
}
const OF_THE_LINE: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname'])

export type LogForm = 'text' | 'json' | 'none'

/** @param write where lines go: standard error, or a test's list */
export function makeLog(form: LogForm, write: (text: string) => void): Logger {
  const redact = { paths: SECRETS, censor: '(hidden)' }
  if (form === 'none') return pino({ level: 'silent', redact })
  return pino({ base: null, redact }, { write: (line) => write(form === 'json' ? line : textOf(line)) })
}

/** `2026-11-23T02:23:00.000Z warning: join refused (vm web-1, from 10.0.0.7)` */
function textOf(line: string): string {
  const fields = JSON.parse(line) as Record<string, unknown> & { readonly msg?: string }
  const details = Object.entries(fields)
    .filter(([name]) => !OF_THE_LINE.has(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const at = new Date(Number(fields['time'])).toISOString()
  const rest = details.length === 0 ? '' : ` (${details.join(', ')})`
  return printable(`${at} ${LEVELS[Number(fields['level'])] ?? 'info'}: ${fields.msg ?? ''}${rest}\n`)
}
