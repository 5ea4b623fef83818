/** What the engine remembers and a start can find out nowhere else: it goes into each turn's line, on record together with what it led to. */
import { promisesAfterStep } from '../../engine/clock-step.ts'
import type { Draining, EngineState, OpenPromise } from '../../engine/state.ts'
import { parseHostId } from '../../terms/ids.ts'
import { parseMigrationOrder } from '../../terms/move.ts'
import { ParseError, parseFields, parseList, parseNumber, parseOptional } from '../../terms/parse.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'

/** What was begun longer ago is begun anew. */
const BEGUN_MS_MAX = DAY_MS
/** Bits of a trigger history. */
const BITS = 8
const PLACE = 'line.kept'

/** As a line says it; hosts by name, for rosters change. */
export interface KeptState {
  /** Trigger bits of hosts that have any, newest in the lowest. */
  readonly triggers: ReadonlyMap<string, number>
  readonly draining: readonly { readonly host: string; readonly vms: number }[]
  /** When hosts came into use, of those that did within a day. */
  readonly busySince: ReadonlyMap<string, EpochMs>
  readonly promises: readonly OpenPromise[]
}

/** As JSON that `readKept` understands; what there is none of is left out. */
export function keptOf(state: EngineState): object {
  const { hosts, lastTurnAt } = state
  const triggers = hosts.flatMap(({ id }, h) => (state.triggerHistory[h] === 0 ? [] : [[id, state.triggerHistory[h]]]))
  const busySince = hosts.flatMap(({ id }, h) => {
    const since = state.busySince[h]
    return lastTurnAt - since < BEGUN_MS_MAX ? [[id, since]] : []
  })
  const draining = state.draining.map(({ host, vms }) => ({ host: hosts[host].id, vms }))
  return {
    ...(triggers.length === 0 ? {} : { triggers: Object.fromEntries(triggers) as object }),
    ...(busySince.length === 0 ? {} : { busySince: Object.fromEntries(busySince) as object }),
    ...(draining.length === 0 ? {} : { draining }),
    ...(state.promises.length === 0 ? {} : { promises: state.promises }),
  }
}

/** Undefined for what `keptOf` did not write: whoever starts then knows nothing of it, and the rest of the line stands. */
export function readKept(value: unknown): KeptState | undefined {
  if (value === undefined) return undefined
  try {
    const fields = parseFields(value, PLACE)
    return {
      triggers: parseNumbers(fields['triggers'], { min: 1, max: 255, integer: true }),
      busySince: parseNumbers(fields['busySince'], { min: 0 }),
      draining: listOf(fields['draining'], (one) => ({
        host: parseHostId(one['host'], `${PLACE}.host`),
        vms: parseNumber(one['vms'], `${PLACE}.vms`, { min: 1, integer: true }),
      })),
      promises: listOf(fields['promises'], parsePromise),
    }
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

/** The state with what was kept of it, on its own rosters.
 *  @param agoMs since the turn that kept it
 *  @param everyMs between turns: one that was left out showed no trigger */
export function withKept(
  state: EngineState,
  kept: KeptState,
  { agoMs, everyMs }: { readonly agoMs: number; readonly everyMs: number },
): EngineState {
  const leftOut = Math.max(0, Math.floor(agoMs / everyMs) - 1)
  const triggerHistory = state.triggerHistory.map((bits, h) => {
    const was = kept.triggers.get(state.hosts[h].id)
    return was === undefined || leftOut >= BITS ? bits : (was << leftOut) & 0xff
  })
  const draining = kept.draining.flatMap(({ host, vms }): Draining[] => {
    const now = agoMs < BEGUN_MS_MAX ? state.hostIndex.get(host) : undefined
    return now === undefined ? [] : [{ host: now, vms }]
  })
  const busySince = state.busySince.map((since, h) => kept.busySince.get(state.hosts[h].id) ?? since)
  return { ...state, triggerHistory, draining, busySince, promises: kept.promises }
}

/** The same after the clock was set forward. */
export function keptAfterStep(kept: KeptState, steppedMs: number): KeptState {
  return {
    ...kept,
    busySince: new Map([...kept.busySince].map(([host, since]) => [host, since + steppedMs])),
    promises: promisesAfterStep(kept.promises, steppedMs),
  }
}

function parseNumbers(value: unknown, bounds: Parameters<typeof parseNumber>[2]): ReadonlyMap<string, number> {
  const fields = parseOptional(value, (present) => parseFields(present, PLACE)) ?? {}
  return new Map(
    Object.entries(fields).map(([host, number]) => [host, parseNumber(number, `${PLACE}.${host}`, bounds)]),
  )
}

function listOf<T>(value: unknown, parse: (fields: ReturnType<typeof parseFields>) => T): readonly T[] {
  return (parseOptional(value, (present) => parseList(present, PLACE)) ?? []).map((one) =>
    parse(parseFields(one, PLACE)),
  )
}

function parsePromise(fields: ReturnType<typeof parseFields>): OpenPromise {
  const number = (name: string, min = -Infinity): number => parseNumber(fields[name], `${PLACE}.${name}`, { min })
  return {
    order: parseMigrationOrder(fields['order'], `${PLACE}.order`),
    gain: number('gain'),
    cost: number('cost'),
    companions: number('companions', 0),
    settleAt: number('settleAt'),
    realised: number('realised'),
    realisedCost: number('realisedCost'),
  }
}
