/** What a promise rests on, put together from what the VM's host told, what is set on the link, and how earlier moves went. */
import type { IntentRecord } from './intent-record.ts'
import { paceOf } from './cost-model.ts'
import type { HostId } from '../../terms/ids.ts'
import type { MoveFacts, VmFacts } from '../../terms/move-facts.ts'
import { MiB } from '../../terms/units.ts'

/** The way that a move takes. */
export interface MoveWay {
  /** Limit that is set, in Mbit/s. Absent: none. */
  readonly linkMbitPerSec?: number
  /** As the last moves between the two hosts went. Absent: there were none to tell by. */
  readonly bytesPerSec?: number
}

/** Of a pair's moves so many, the newest: links change. */
const MOVES_LOOKED_AT = 5
/** Less is set-up more than sending. */
const COPIED_BYTES_MIN = 32 * MiB

/** How fast the last moves from one host to another sent, in bytes/s: the median of the newest five that told. Undefined: none did.
 *  @param ended oldest first */
export function paceOfRoute(ended: readonly IntentRecord[], from: HostId, to: HostId): number | undefined {
  const paces: number[] = []
  for (let i = ended.length - 1; i >= 0 && paces.length < MOVES_LOOKED_AT; i--) {
    const { intent, closed } = ended[i]
    const { totalMs, copiedBytes } = closed?.state === 'done' ? (closed.figures ?? {}) : {}
    if (intent.order.from !== from || intent.order.to !== to || intent.terms.mode === 'postcopy') continue
    if (totalMs === undefined || copiedBytes === undefined || copiedBytes < COPIED_BYTES_MIN) continue
    paces.push(paceOf(copiedBytes / MiB, totalMs) * MiB)
  }
  return paces.toSorted((a, b) => a - b)[Math.floor(paces.length / 2)]
}

/** All facts, or a sentence for each that is missing, with what would help. Mode and time allowed are `termsOf`'s to decide. */
export function completeFacts(vm: VmFacts, { linkMbitPerSec, bytesPerSec }: MoveWay): MoveFacts | readonly string[] {
  const { memoryMib, dirtyMibPerSec, load1, cpuMsPerSec, residentMib, unusedMib } = vm
  const limit = linkMbitPerSec === undefined ? undefined : (linkMbitPerSec * 1e6) / 8
  const probeBytesPerSec = Math.min(bytesPerSec ?? Infinity, limit ?? Infinity)
  if (
    memoryMib === undefined ||
    dirtyMibPerSec === undefined ||
    load1 === undefined ||
    cpuMsPerSec === undefined ||
    residentMib === undefined ||
    unusedMib === undefined ||
    probeBytesPerSec === Infinity
  ) {
    const ofVm = MISSING.flatMap(([name, remedy]) => (vm[name] === undefined ? [remedy] : []))
    return probeBytesPerSec === Infinity ? [...ofVm, NO_LINK] : ofVm
  }
  return {
    memoryMib,
    ...(linkMbitPerSec === undefined ? {} : { linkMbitPerSec }),
    mode: 'precopy',
    downtimeLimitMs: vm.downtimeLimitMs,
    timeoutSec: 0,
    probeBytesPerSec,
    dirtyMibPerSec,
    dirtyWindowSec: vm.dirtyWindowSec,
    ...(vm.moreDirtyWindows === undefined ? {} : { moreDirtyWindows: vm.moreDirtyWindows }),
    load1,
    cpuMsPerSec,
    residentMib,
    unusedMib: Math.min(unusedMib, memoryMib),
  }
}

const NO_LINK =
  'How fast the link is: no move between the two hosts has told, and `linkMbitPerSec` is set of neither in the libvirt setting.'

const MISSING = [
  ['memoryMib', 'How big its memory is.'],
  ['dirtyMibPerSec', 'How fast it writes: its QEMU measured nothing.'],
  ['load1', 'How busy its host is: libvirt there counts no CPU time.'],
  ['cpuMsPerSec', 'How much CPU time its process takes.'],
  ['residentMib', 'How much memory its process holds.'],
  [
    'unusedMib',
    'How much memory it does not use: its balloon driver tells nothing. `virsh dommemstat VM --period 5 --live` on its host makes it tell.',
  ],
] as const satisfies readonly (readonly [keyof VmFacts, string])[]
