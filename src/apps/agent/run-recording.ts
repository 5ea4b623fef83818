/** `ethos agent --domstats FILE`: the personality of guests without an agent, from what the hypervisor recorded of them. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { ParseError } from '../../terms/parse.ts'
import { MiB } from '../../terms/units.ts'
import { printable } from '../printable.ts'
import { type DomainProfile, profileRecording } from './agentless.ts'
import { showOnce } from './once.ts'
import { onceAsJson } from './once-json.ts'
import { type Paper, paperOf } from './paper.ts'
import type { AgentWords } from './words.ts'

/** Prints what each domain was like at the end of the recording, and of which there is nothing to print. Throws `ParseError` for what is no
 *  recording. */
export function runRecording(
  machine: Machine,
  file: string,
  { domain, print }: Pick<AgentWords, 'domain' | 'print'>,
): number {
  const text = machine.readText(file, 64 * MiB)
  if (text === undefined) throw new ParseError('--domstats', file, 'There is no such file, or it can not be read.')
  const found = profileRecording(text, { file, ...(domain === undefined ? {} : { domain }) })
  if (found.domains.length === 0) throw new ParseError('--domstats', file, 'The recording holds no domain.')
  for (const profile of found.profiles) machine.self.print(show(profile, print, paperOf(machine.self)))
  for (const { domain: name, because } of found.refused)
    machine.self.complain(printable(`ethos agent: no profile of ${name}: ${because}\n`))
  return 0
}

function show(
  { vector, readings, phaseName }: DomainProfile,
  print: 'text' | 'json' | undefined,
  paper: Paper,
): string {
  const view = { vector, looks: readings, witness: 'host' as const, details: [], findings: [] }
  const named = phaseName === undefined ? view : { ...view, phaseName }
  return print === 'json' ? onceAsJson(named) : showOnce(named, paper)
}
