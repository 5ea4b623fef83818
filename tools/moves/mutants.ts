import { INTENT_RULES, type IntentRules } from '../../src/engine/migration/intent.ts'
import { START_GUARD_NAMES, START_GUARDS, type StartGuardName } from '../../src/engine/migration/start-guards.ts'
import { PICTURE_TABLE, type Picture } from '../../src/engine/migration/two-sightings.ts'
import type { Presence } from '../../src/terms/intent.ts'
import type { MigrationDriver } from '../../src/world/migration-driver.ts'
import { type Breakage, RIG_LIMITS } from './rig.ts'

/** One thing broken on purpose, which some invariant has to notice. */
export interface Mutant {
  readonly name: string
  /** A seed with which it was noticed. */
  readonly seed: number
  readonly breakage: Breakage
}

/** What these refuse is refused once more, by another guard or by the look before the start; a VM yielded to is no matter of the platform. */
const DOUBLED: ReadonlySet<StartGuardName> = new Set(['same-host', 'frozen-vm', 'yielded'])

const BROKEN: readonly Omit<Mutant, 'seed'>[] = [
  ...START_GUARD_NAMES.filter((name) => !DOUBLED.has(name)).map(withoutGuard),
  { name: 'limit: orders may be three minutes old', breakage: { limits: { ...RIG_LIMITS, orderAgeMs: 180_000 } } },
  { name: 'limit: one more may leave a host', breakage: { limits: { ...RIG_LIMITS, outbound: 3 } } },
  { name: 'limit: one more unit of a host', breakage: { limits: { ...RIG_LIMITS, hostUnits: 4 } } },
  withRules('one look is proof', { confirmMs: 0 }),
  withRules('a call without an answer is over at once', { orphanMs: 0 }),
  withCell('a copy that waits is a VM that runs', 'running', 'incoming', 'arrived'),
  withCell('gone from the source is there', 'left', 'absent', 'arrived'),
  withCell('dead at both is at the source', 'absent', 'absent', 'at-source'),
  withCell('nothing at the destination is done', 'running', 'absent', 'arrived'),
  withCell('arrived is not believed', 'left', 'running', 'at-source'),
  withCell('paused at the source is lost', 'handing-over', 'absent', 'gone'),
  withCell('broken post-copy is back at the source', 'post-copy-broken', 'absent', 'at-source'),
  withCell('arrived is never seen', 'left', 'running', 'strange'),
  withCell('at the source is never seen', 'running', 'absent', 'strange'),
  { name: 'the store says durable before it is', breakage: { isStoreHasty: true } },
  { name: 'a new process reads nothing of the journal', breakage: { linesFor: () => [] } },
  { name: 'a new process reads only what is newest', breakage: { linesFor: (lines) => lines.slice(-3) } },
  { name: 'a new process reads only what is oldest', breakage: { linesFor: (lines) => lines.slice(0, 12) } },
  { name: 'the driver calls again when no answer comes', breakage: { wrapDriver: (driver) => withRetry(driver) } },
  { name: 'the driver says nothing is there where it can not ask', breakage: { wrapDriver: darkAsAbsent } },
  { name: 'the driver mistakes source and destination', breakage: { wrapDriver: asIfRunning } },
  { name: 'intents are not written', breakage: { alterLine: (line) => without(line, 'intent') } },
  { name: 'calls are not written', breakage: { alterLine: (line) => without(line, 'sending') } },
  { name: 'ends are not written', breakage: { alterLine: (line) => without(line, 'closed') } },
  { name: 'what was seen is not written', breakage: { alterLine: (line) => without(line, 'seen') } },
  { name: 'the kill switch is not heard', breakage: { isPauseDeaf: true } },
]

/** Where the first seed is not the one. */
const SEEDS: Readonly<Record<string, number>> = {
  'without the guard hold': 25,
  'without the guard cause': 2,
  'without the guard age': 2,
  'without the guard one-per-vm': 2,
  'without the guard frozen-host': 11,
  'without the guard host-units': 2,
  'without the guard outbound': 2,
  'without the guard cluster': 2,
  'without the guard vm-budget': 9,
  'without the guard host-budget': 3,
  'without the guard cluster-budget': 8,
  'limit: orders may be three minutes old': 2,
  'limit: one more may leave a host': 2,
  'limit: one more unit of a host': 2,
  'a call without an answer is over at once': 2,
  'the table: gone from the source is there': 10,
  'the table: paused at the source is lost': 82,
  'the table: broken post-copy is back at the source': 91,
  'the driver mistakes source and destination': 2,
}

export const MUTANTS: readonly Mutant[] = BROKEN.map((mutant) => ({ ...mutant, seed: SEEDS[mutant.name] ?? 1 }))

function withoutGuard(name: StartGuardName): Omit<Mutant, 'seed'> {
  return { name: `without the guard ${name}`, breakage: { guards: { ...START_GUARDS, [name]: () => undefined } } }
}

function withRules(name: string, rules: Partial<IntentRules>): Omit<Mutant, 'seed'> {
  return { name, breakage: { rules: { ...INTENT_RULES, ...rules } } }
}

function withCell(name: string, source: Presence, destination: Presence, picture: Picture): Omit<Mutant, 'seed'> {
  const table = { ...PICTURE_TABLE, [source]: { ...PICTURE_TABLE[source], [destination]: picture } }
  return { name: `the table: ${name}`, breakage: { rules: { ...INTENT_RULES, table } } }
}

function without(line: string, step: string): string | undefined {
  return line.includes(`"step":"${step}"`) ? undefined : line
}

function withRetry(driver: MigrationDriver): MigrationDriver {
  return {
    ...driver,
    migrate: async (intent, fence, objection) => {
      const call = await driver.migrate(intent, fence, objection)
      if (call.kind === 'never-sent') return call
      const ended = call.ended.then(async (end) => {
        if (end.kind !== 'unknown') return end
        const again = await driver.migrate(intent, fence, objection)
        return again.kind === 'sent' ? again.ended : end
      })
      return { kind: 'sent', ended }
    },
  }
}

function darkAsAbsent(driver: MigrationDriver): MigrationDriver {
  return {
    ...driver,
    list: async () =>
      (await driver.list()).map((host) => (host.kind === 'listed' ? host : { ...host, kind: 'listed', vms: [] })),
    observe: async (vmId, hostId) => {
      const sighting = await driver.observe(vmId, hostId)
      if (sighting.kind === 'seen') return sighting
      return { kind: 'seen', at: sighting.at, presence: 'absent', hasJob: false, detail: 'no answer' }
    },
  }
}

/** Takes a process that waits for its memory for one that runs, as a list of processes does. */
function asIfRunning(driver: MigrationDriver): MigrationDriver {
  return {
    ...driver,
    observe: async (vmId, hostId) => {
      const sighting = await driver.observe(vmId, hostId)
      const isWaiting = sighting.kind === 'seen' && sighting.presence !== 'absent' && sighting.presence !== 'left'
      return isWaiting ? { ...sighting, presence: 'running' } : sighting
    },
  }
}
