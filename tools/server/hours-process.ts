/** Hours of a large site in a process whose memory for what lives briefly is as large from the start as the server lets it become. Left to itself it grows
 *  for hours by doubling, up to a bound: on 500 VMs all of the process went from 222 MiB to 427 in 30 hours, and by 26 MiB in the next 42. In a day that looks
 *  like a leak, and would hide one. What grows now is nothing that has such a bound.
 *  As a program: `node tools/server/hours-process.ts SIZE HOURS`, the size as JSON; prints figures as JSON, and on standard error how far it is. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { HALF_MIB } from '../../src/apps/server/young-memory.ts'
import type { PastSize } from './restart.ts'
import { hoursAtScale } from './site-at-scale.ts'

const SWITCHES = [`--min-semi-space-size=${HALF_MIB}`, `--max-semi-space-size=${HALF_MIB}`]

/** What `hoursAtScale` returns, from such a process. */
export async function hoursApart(size: PastSize, hours: number): Promise<Readonly<Record<string, number>>> {
  const words = [...SWITCHES, fileURLToPath(import.meta.url), JSON.stringify(size), String(hours)]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${hours} hours of ${size.vms} VMs ended with ${signal ?? `code ${code}`}`)
  return JSON.parse(said) as Readonly<Record<string, number>>
}

if (import.meta.main) {
  const [size = '{}', hours] = process.argv.slice(2)
  const seen = await hoursAtScale(JSON.parse(size) as PastSize, Number(hours), say)
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}

function say(what: string): void {
  process.stderr.write(`... ${what}\n`)
}
