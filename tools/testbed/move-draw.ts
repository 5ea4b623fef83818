/** What is drawn for the moves that `npm run record:moves` makes: guests, their load, links, limits. Seeded: for the same
 *  guest, draw 17 of a seed is always the same wish. */
import { hashPair, Luck } from '../../src/terms/luck.ts'
import type { MigrationMode } from '../../src/terms/move-facts.ts'
import { MiB } from '../../src/terms/units.ts'

export interface DrawnGuest {
  readonly memoryMib: number
  /** Memory that it holds from its start on and never writes again. */
  readonly fillMib: number
  /** So many moves, and then there is another. */
  readonly moves: number
}

/** What can't end or hardly, what is near the border, and the rest. */
export const MOVE_KINDS = ['stuck', 'border', 'ordinary'] as const

export interface DrawnMove {
  readonly kind: (typeof MOVE_KINDS)[number]
  /** 0: no limit. */
  readonly linkMbit: number
  readonly mode: MigrationMode
  readonly downtimeLimitMs: number
  readonly dirtyMibPerSec: number
  readonly spanMib: number
  readonly cpuPercent: number
  /** Time allowed, in times that what is resident takes on the link. */
  readonly patience: number
}

/** Guests are small, so that a slow link is through with one in some seconds. */
const MEMORIES_MIB = [96, 96, 128, 192]
/** What kernel and init take of a guest, and a little to spare: what is left is for its load. */
const KERNEL_MIB = 80
const MOVES_PER_GUEST = { least: 6, most: 14 }
const CPU_PERCENT = [5, 30, 60, 90]
const LIMITS_MS = [50, 150, 300, 300, 1000]
/** Payload of a limited link: 1448 of 1514 bytes of a frame. */
const PAYLOAD_SHARE = 0.956

export function drawGuest(seed: number, generation: number): DrawnGuest {
  const luck = new Luck(hashPair(seed, generation, 1))
  const memoryMib = oneOf(luck, MEMORIES_MIB)
  const fillMib = memoryMib < 192 ? 0 : oneOf(luck, [0, 20, 40])
  const { least, most } = MOVES_PER_GUEST
  return { memoryMib, fillMib, moves: least + luck.below(most - least + 1) }
}

/** @param only of this kind. Absent: mixed. */
export function drawMove(seed: number, draw: number, guest: DrawnGuest, only?: DrawnMove['kind']): DrawnMove {
  const luck = new Luck(hashPair(seed, draw, 2))
  const mixed = oneOf(luck, ['stuck', 'stuck', 'stuck', 'border', 'border', 'ordinary'] as const)
  const kind = only ?? mixed
  const drawn = {
    kind,
    linkMbit: oneOf(luck, LINKS[kind]),
    mode: oneOf(luck, MODES[kind]),
    downtimeLimitMs: oneOf(luck, LIMITS_MS),
    cpuPercent: oneOf(luck, CPU_PERCENT),
    patience: 1.15 + 0.95 * luck.fraction(),
  }
  const room = guest.memoryMib - KERNEL_MIB - guest.fillMib
  return { ...drawn, ...LOADS[kind](luck, drawn, room) }
}

const LINKS: Readonly<Record<DrawnMove['kind'], readonly number[]>> = {
  stuck: [20, 50, 50, 100, 100, 100, 100, 200, 200],
  border: [50, 100, 100, 200, 200],
  ordinary: [100, 200, 500, 1000, 0],
}
const MODES: Readonly<Record<DrawnMove['kind'], readonly MigrationMode[]>> = {
  stuck: ['precopy', 'precopy', 'precopy', 'autoconverge'],
  border: ['precopy', 'precopy', 'autoconverge'],
  ordinary: ['precopy', 'precopy', 'autoconverge', 'postcopy'],
}

type Load = Pick<DrawnMove, 'dirtyMibPerSec' | 'spanMib'>
type Link = Pick<DrawnMove, 'linkMbit' | 'downtimeLimitMs'>

const LOADS: Readonly<Record<DrawnMove['kind'], (luck: Luck, link: Link, roomMib: number) => Load>> = {
  // Written as fast as the link sends or faster, on more than may be left at the stop.
  stuck: (luck, link, room) => {
    const dirtyMibPerSec = Math.max(1, Math.round(payloadMib(link.linkMbit) * (0.6 + 1.4 * luck.fraction())))
    return { dirtyMibPerSec, spanMib: within(room, oneOf(luck, [4, 8, 16, 32, 64, 96])) }
  },
  // Either the working set is about what may be left, or the pace is about the link's.
  border: (luck, link, room) => {
    const payload = payloadMib(link.linkMbit)
    if (luck.fraction() < 0.5) {
      const fits = (payload * link.downtimeLimitMs) / 1000
      const spanMib = within(room, Math.max(1, Math.round(fits * (0.6 + 1.2 * luck.fraction()))))
      return { dirtyMibPerSec: Math.max(1, Math.round(payload * (0.5 + luck.fraction()))), spanMib }
    }
    const dirtyMibPerSec = Math.max(1, Math.round(payload * (0.7 + 0.5 * luck.fraction())))
    return { dirtyMibPerSec, spanMib: within(room, oneOf(luck, [16, 32, 64])) }
  },
  ordinary: (luck, _link, room) => ({
    dirtyMibPerSec: oneOf(luck, [0, 0, 1, 2, 4, 8, 16, 25]),
    spanMib: within(room, oneOf(luck, [2, 8, 32, 64])),
  }),
}

function payloadMib(linkMbit: number): number {
  return (linkMbit * 1e6 * PAYLOAD_SHARE) / 8 / MiB
}

function within(room: number, wanted: number): number {
  return Math.max(1, Math.min(room, wanted))
}

function oneOf<T>(luck: Luck, choices: readonly T[]): T {
  return choices[luck.below(choices.length)]
}
