import { join } from 'node:path'
import type { Figures, LongTest } from '../long-test.ts'
import { REPOSITORY } from '../repository.ts'
import { type Kill, killMoves } from '../testbed/move-kills.ts'
import { type Fault, FAULTS } from '../testbed/move-scene.ts'
import { whyNoTestbed } from '../testbed/testbed.ts'

const KILLS = 200

export const longTest: LongTest = {
  summary:
    `${KILLS} real moves between two hosts, struck at random instants: the mover or a libvirtd killed, the target's power lost, the link cut, the source's ` +
    'QEMU killed. Each VM is afterwards in one place or lost with its host, as the journal tells, and was called for at most once. ' +
    'A run that was broken off goes on where it was, from out/move-kills.',
  run: async (seed) => {
    const why = whyNoTestbed()
    if (why !== false) throw new Error(`No testbed can be had here: ${why}`)
    const path = join(REPOSITORY, 'out', 'move-kills', `${seed}.ndjson`)
    return figuresOf(await killMoves({ seed, kills: KILLS, path }, say))
  },
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Faults that take a VM with them that runs on the host they strike. */
const DEADLY: ReadonlySet<Fault> = new Set(['target-power', 'source-qemu'])

/** Where a run comes to its end, those that must be 0 are: each move is judged as it ends, and the first that is not as it must be stops the test. They are
 *  counted all the same. */
export function figuresOf(kills: readonly Kill[]): Figures {
  const count = (isWanted: (kill: Kill) => boolean): number => kills.filter(isWanted).length
  return {
    kills: kills.length,
    ...Object.fromEntries(FAULTS.map((fault) => [`struck: ${fault}`, count((kill) => kill.fault === fault)])),
    ...tally(kills, 'struckAfter', 'when its journal held'),
    ...tally(kills, 'state', 'ended'),
    doubled: count(({ runsOn, doubledBeats }) => runsOn.length > 1 || doubledBeats > 0),
    lostOtherwiseThanByTheFault: count(({ runsOn, fault }) => runsOn.length === 0 && !DEADLY.has(fault)),
    callsRepeated: count(({ calls }) => calls > 1),
    unknownSecondsMax: Math.round(Math.max(...kills.map(({ unknownMs }) => unknownMs)) / 1000),
    secondsFromOrderToEndMax: Math.round(Math.max(...kills.map(({ tookMs }) => tookMs)) / 1000),
    pausedCopiesLeft: count(({ leftovers }) => leftovers > 0),
    spoiltByTheEmulator: count(({ isSpoilt }) => isSpoilt),
  }
}

function tally(kills: readonly Kill[], field: 'struckAfter' | 'state', label: string): Figures {
  const values = [...new Set(kills.map((kill) => kill[field]))].toSorted()
  return Object.fromEntries(
    values.map((value) => [`${label}: ${value}`, kills.filter((kill) => kill[field] === value).length]),
  )
}
