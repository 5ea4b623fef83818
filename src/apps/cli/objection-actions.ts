/** What `ethos moves reject` and `postpone` do. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import type { DoneView, MigrationsView } from '../server/views/moves.ts'
import type { ObjectionDoneView } from '../server/views/proposals.ts'
import { UsageError } from '../usage-error.ts'
import { ask, findLogin, pathOf } from './api-client.ts'
import type { PostponeOptions, RejectOptions } from './objection-commands.ts'
import { show } from './site-actions.ts'

const UNIT_MS = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const

export async function reject(id: string, { reason, undo = false, ...options }: RejectOptions): Promise<void> {
  const path = pathOf('v1', 'proposals', id, 'rejection')
  if (undo) return void (await show<DoneView>(options, { method: 'DELETE', path }, sayText))
  if (reason === undefined) throw new UsageError('--reason', undefined, 'Say why: whoever wonders later will read it.')
  await show<ObjectionDoneView>(options, { method: 'POST', path, body: { reason } }, sayText)
}

export async function postpone(
  id: string,
  { until, for: span, reason, undo = false, ...options }: PostponeOptions,
): Promise<void> {
  const path = pathOf('v1', 'proposals', id, 'postponement')
  if (undo) return void (await show<DoneView>(options, { method: 'DELETE', path }, sayText))
  if ((until === undefined) === (span === undefined))
    throw new UsageError('--until', until, 'Say until when: either --until INSTANT or --for SPAN.')
  // By the server's clock: ours may be another.
  const at = until === undefined ? (await serverNow(options)) + parseSpan(span ?? '') : parseInstant(until)
  const body = { until: at, ...(reason === undefined ? {} : { reason }) }
  await show<ObjectionDoneView>(options, { method: 'POST', path, body }, sayText)
}

function sayText({ text }: DoneView): string {
  return `${text}\n`
}

async function serverNow(options: Parameters<typeof findLogin>[0]): Promise<number> {
  return ((await ask(findLogin(options), { path: '/v1/status' })) as Pick<MigrationsView, 'asOf'>).asOf
}

/** `90m`, `2h` or `1d`, in milliseconds. Throws a `UsageError`. */
export function parseSpan(text: string, option = '--for'): number {
  const [, number, unit] = /^([0-9]{1,5})([mhd])$/.exec(text) ?? []
  if (number === undefined || unit === undefined)
    throw new UsageError(option, text, 'Expected minutes, hours or days, such as 90m, 2h or 1d.')
  return Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS]
}

/** An instant with its time zone, such as 2026-11-28T22:00Z, in milliseconds since 1970. Throws a `UsageError`. */
export function parseInstant(text: string): number {
  const isWhole = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$/.test(text)
  const at = isWhole ? Date.parse(text) : NaN
  if (Number.isNaN(at))
    throw new UsageError('--until', text, 'Expected an instant with its time zone, such as 2026-11-28T22:00Z.')
  return at
}
