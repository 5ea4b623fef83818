/** What people said against proposals: no, or not yet. Until it ends the policy leaves the VM where it is; kept in the journal, so that a start finds it. */
import type { Inventory } from '../../terms/cluster.ts'
import type { OrderId, VmId } from '../../terms/ids.ts'
import { type MigrationOrder, parseMigrationOrder } from '../../terms/move.ts'
import {
  ParseError,
  parseFields,
  parseJson,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
} from '../../terms/parse.ts'
import { instantText } from '../../terms/shown.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { Hypervisor } from '../../world/hypervisor.ts'

export const OBJECTIONS = ['rejected', 'postponed'] as const
export type ObjectionKind = (typeof OBJECTIONS)[number]

/** So long a no holds: load comes back by the day, and who said no at the peak is not asked again at the same peak. As long as a VM is left to whoever
 *  moves it back. */
export const REJECTED_MS = DAY_MS
/** Nobody knows what a VM will do in a week. */
export const POSTPONED_MS_MAX = 7 * DAY_MS
/** Each takes one VM out of the policy's hands: more are a policy of their own. */
export const OBJECTIONS_MOST = 1000
/** Begins the journal's line of an objection. */
export const OBJECTION_LINES = '{"kind":"objection"'
const TEXT_LENGTH_MAX = 2000
const LINE_STEPS = [...OBJECTIONS, 'lifted', 'ended'] as const

export interface Objection {
  readonly order: MigrationOrder
  readonly what: ObjectionKind
  readonly who: string
  readonly at: EpochMs
  readonly until: EpochMs
  /** The person's reason. */
  readonly because?: string
  /** Why the order was proposed and not carried out. */
  readonly held?: string
}

/** Of each VM the newest: who moves it is asked once. */
export class Objections {
  private readonly byVm = new Map<VmId, Objection>()

  get size(): number {
    return this.byVm.size
  }

  /** Takes over what the journal tells, oldest first. A postponement that has ended since is still there, for its order to be looked at once more. A line
   *  that can't be read is passed over: the VM may be moved again, as after its end. */
  adopt(lines: Iterable<string>, now: EpochMs): void {
    for (const line of lines) {
      const told = readObjection(line)
      if (told === undefined) continue
      if ('objection' in told) this.put(told.objection)
      else if (this.byVm.get(told.vmId)?.order.id === told.id) this.byVm.delete(told.vmId)
    }
    this.forget(now)
  }

  put(objection: Objection): void {
    this.byVm.delete(objection.order.vmId)
    this.byVm.set(objection.order.vmId, objection)
  }

  remove({ order }: Objection): void {
    if (this.byVm.get(order.vmId)?.order.id === order.id) this.byVm.delete(order.vmId)
  }

  find(id: OrderId, now: EpochMs): Objection | undefined {
    return this.list(now).find(({ order }) => order.id === id)
  }

  /** What holds a VM now. */
  on(vmId: VmId, now: EpochMs): Objection | undefined {
    const found = this.byVm.get(vmId)
    return found !== undefined && now < found.until ? found : undefined
  }

  /** Newest first. */
  list(now: EpochMs): readonly Objection[] {
    return [...this.byVm.values()].filter(({ until }) => now < until).toReversed()
  }

  /** Postponements that have come to their end. */
  ended(now: EpochMs): readonly Objection[] {
    return [...this.byVm.values()].filter(({ what, until }) => what === 'postponed' && until <= now)
  }

  /** Lets go of what has ended and has nothing to come. */
  forget(now: EpochMs): void {
    for (const objection of this.byVm.values()) {
      const { what, until } = objection
      if (now - until >= (what === 'postponed' ? DAY_MS : 0)) this.remove(objection)
    }
  }

  /** The clock was set forward by so much. A no holds for a while, and for as long as it would have; a postponement ends at an instant, which people
   *  named. Those that end later for it: what the journal has to be told. */
  clockStepped(steppedMs: number): readonly Objection[] {
    const later = [...this.byVm.values()].flatMap((objection): Objection[] =>
      objection.what === 'rejected' ? [{ ...objection, until: objection.until + steppedMs }] : [],
    )
    for (const objection of later) this.byVm.set(objection.order.vmId, objection)
    return later
  }

  /** A platform whose VMs the policy leaves where people said no. */
  over(seen: Hypervisor): Hypervisor {
    return {
      name: seen.name,
      inventory: async () => this.mark(await seen.inventory()),
      preflight: (order) => seen.preflight(order),
      begin: (order) => seen.begin(order),
      cancel: (vmId) => seen.cancel(vmId),
    }
  }

  private mark(inventory: Inventory): Inventory {
    const standing = this.list(inventory.at)
    if (standing.length === 0) return inventory
    return { ...inventory, objections: new Map(standing.map((one) => [one.order.vmId, sayObjection(one)])) }
  }
}

/** One sentence, for people: it stands as the reason why the VM stays. */
export function sayObjection({ order, what, who, until, because }: Objection): string {
  const why = because === undefined ? '' : ` ("${because}")`
  return `${who} ${what} its move from ${order.from} to ${order.to}${why}: the policy leaves it where it is until ${instantText(until)}.`
}

/** For whoever asks, in the form of `ObjectionView`. */
export function objectionView({ order, what, who, at, until, because }: Objection) {
  const { id, vmId: vm, from, to, class: kind, reason } = order
  const told = because === undefined ? {} : { because }
  return { id, vm, from, to, class: kind, reason, what, who, at, until, ...told }
}

export function encodeObjection({ order, what, who, at, until, because, held }: Objection): string {
  const reasons = { ...(because === undefined ? {} : { because }), ...(held === undefined ? {} : { held }) }
  return JSON.stringify({ kind: 'objection', what, at, who, until, ...reasons, order })
}

/** That one is over: taken back by a person, or come to its end.
 *  @param told.reason what came of it then */
export function encodeObjectionEnd(
  { order: { id, vmId } }: Objection,
  told: { readonly what: 'lifted' | 'ended'; readonly at: EpochMs; readonly who?: string; readonly reason?: string },
): string {
  return JSON.stringify({ kind: 'objection', ...told, id, vmId })
}

type Told = { readonly objection: Objection } | { readonly id: string; readonly vmId: VmId }

/** Undefined: the line tells of something else, or can't be read. */
function readObjection(line: string): Told | undefined {
  if (!line.startsWith(OBJECTION_LINES)) return undefined
  try {
    const fields = parseFields(parseJson(line, 'journal'), 'journal')
    const what = parseWord(fields['what'], 'journal.what', LINE_STEPS)
    if (what === 'lifted' || what === 'ended')
      return {
        id: parseText(fields['id'], 'journal.id'),
        vmId: parseText(fields['vmId'], 'journal.vmId') as VmId,
      }
    const textOf = (name: string): string | undefined =>
      parseOptional(fields[name], (text) => parseText(text, `journal.${name}`, TEXT_LENGTH_MAX))
    const [because, held] = [textOf('because'), textOf('held')]
    const objection: Objection = {
      order: parseMigrationOrder(fields['order'], 'journal.order'),
      what,
      who: personOf(parseText(fields['who'], 'journal.who')),
      at: parseNumber(fields['at'], 'journal.at', { min: 0 }),
      until: parseNumber(fields['until'], 'journal.until', { min: 0 }),
      ...(because === undefined ? {} : { because }),
      ...(held === undefined ? {} : { held }),
    }
    return { objection }
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

/** Versions before said how a person came in as well; the same person's next word would be another's. A name ends with its id: nobody is called so. */
function personOf(who: string): string {
  return /^((?:one-time )?token .*\([0-9a-f]{16}\)) by session$/.exec(who)?.[1] ?? who
}
