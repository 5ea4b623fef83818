/** One round of the probes: attach, count, take off, scale. Between rounds nothing is attached and nothing runs. */
import { type Machine, MachineError } from '../machine.ts'
import { countSystemCalls } from './count-system-calls.ts'
import { countLibraryCalls } from './count-library-calls.ts'
import { processorOf } from './elf.ts'
import { nothing, type Part, type RoundContext } from './part.ts'
import { RECENT_MAX } from './estimate.ts'
import { type Missing, MISSING_MAX, type ProbeResults } from './results.ts'
import { LIBRARY_KINDS } from './settings.ts'
import { openTracefs, Tracefs } from './tracefs.ts'

/** Never rejects for what the machine lacks: that is missing, with a remedy. */
export async function performRound(context: RoundContext): Promise<ProbeResults> {
  const { machine, settings } = context
  const before = stillValid(context)
  removeLeftovers(machine)
  const processor = processorOf(machine, '/proc/self/exe')
  const parts: Part[] = []
  if (processor === undefined) {
    const because = 'only the system calls of x86_64 and aarch64 are known'
    parts.push(nothing('system calls', because, 'nothing: this processor is another'))
  } else {
    parts.push(await attempt('system calls', () => countSystemCalls({ ...context, before }, processor)))
    const hasOldWait = processor === 'x86_64'
    for (const kinds of [LIBRARY_KINDS.filter((kind) => kind !== 'allocator'), ['allocator'] as const])
      parts.push(await attempt('library calls', () => countLibraryCalls({ ...context, before }, kinds, { hasOldWait })))
  }
  const at = machine.now()
  const sinceMs = before === undefined ? Number.NaN : at - before.at
  return {
    at,
    // Told as it is, where somebody else's timer is slower than our settings; a pause is none.
    everyMs: sinceMs > settings.everyMs && sinceMs < 12 * settings.everyMs ? sinceMs : settings.everyMs,
    attachedMs: parts.reduce((sum, part) => sum + part.attachedMs, 0),
    rates: Object.assign({}, ...parts.map((part) => part.rates)) as ProbeResults['rates'],
    top: parts.flatMap((part) => part.top),
    missing: unlike(parts.flatMap((part) => part.missing)).slice(0, MISSING_MAX),
  }
}

/** Results of the round before, unless they are of another time: what was hours ago tells no spread of today. */
function stillValid({ machine, settings, before }: RoundContext): ProbeResults | undefined {
  const ageMs = before === undefined ? Number.NaN : machine.now() - before.at
  return ageMs >= 0 && ageMs <= RECENT_MAX * Math.max(settings.everyMs, before?.everyMs ?? 0) ? before : undefined
}

/** Takes off and removes what killed runs left behind. Returns what was removed. */
export function removeLeftovers(machine: Machine): readonly string[] {
  const tracefs = openTracefs(machine)
  return tracefs instanceof Tracefs ? tracefs.removeLeftovers() : []
}

async function attempt(what: Missing['what'], count: () => Promise<Part>): Promise<Part> {
  try {
    return await count()
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    const remedy = 'may the probe helper write there? It is user 0 in its unit, ethos-agent-probes.service'
    return nothing(what, `tracefs refused: ${error.message}`, remedy)
  }
}

function unlike(all: readonly Missing[]): readonly Missing[] {
  return all.filter(
    (each, i) => all.findIndex((other) => other.what === each.what && other.because === each.because) === i,
  )
}
