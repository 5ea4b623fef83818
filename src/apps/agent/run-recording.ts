/** `ethos agent --domstats FILE`: the personality of guests without an agent, from what the hypervisor recorded of them. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { coresOf, type DomainStats, parseDomstats, readingBetween } from '../../drivers/libvirt/domstats.ts'
import { witnessOf } from '../../engine/profile/distance.ts'
import { OnBoard } from '../../engine/profile/on-board.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { SERVER_SENDER } from '../../engine/profile/profiles.ts'
import { parseVmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { HOUR_MS, MiB } from '../../terms/units.ts'
import { onceAsJson, showOnce } from './once.ts'
import type { AgentWords } from './words.ts'

/** Prints what each domain was like at the end of the recording. Throws `ParseError` for what is no recording. */
export function runRecording(
  machine: Machine,
  file: string,
  { domain, print }: Pick<AgentWords, 'domain' | 'print'>,
): number {
  const text = machine.readText(file, 64 * MiB)
  if (text === undefined) throw new ParseError('--domstats', file, 'There is no such file, or it can not be read.')
  const byDomain = new Map<string, DomainStats[]>()
  for (const stats of parseDomstats(text, file))
    byDomain.set(stats.domain, [...(byDomain.get(stats.domain) ?? []), stats])
  const names = [...byDomain.keys()].filter((name) => domain === undefined || name === domain)
  if (names.length === 0)
    throw new ParseError('--domain', domain, `The recording holds: ${[...byDomain.keys()].join(', ') || 'no domain'}.`)
  for (const name of names) machine.self.print(show(name, byDomain.get(name) ?? [], print))
  return 0
}

function show(name: string, looks: readonly DomainStats[], print: 'text' | 'json' | undefined): string {
  const last = looks[looks.length - 1]
  const onBoard = new OnBoard({
    vmId: parseVmId(name, 'domain'),
    sender: SERVER_SENDER,
    cores: coresOf(last),
    refCoresPerCore: 1,
    windowMs: HOUR_MS,
    phases: PHASES_1,
  })
  let readings = 0
  for (let i = 1; i < looks.length; i++) {
    const reading = readingBetween(looks[i - 1], looks[i])
    if (reading === undefined) continue
    onBoard.observe(reading)
    readings++
  }
  if (readings === 0) return `${name}: a recording needs two looks at a running domain; this one has ${looks.length}\n`
  const vector = onBoard.vector(last.at, 0)
  const { phaseName } = onBoard
  const view = { vector, looks: readings, witness: witnessOf(vector), details: [], findings: [] }
  const named = phaseName === undefined ? view : { ...view, phaseName }
  return print === 'json' ? onceAsJson(named) : showOnce(named)
}
