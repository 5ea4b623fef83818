import type { MigrationCourse } from '../../src/simulator/imagined-migration.ts'
import { CALL_MANNERS, type CallManner } from '../../src/simulator/imagined-platform.ts'
import type { MigrationIntent } from '../../src/terms/intent.ts'
import { Luck } from '../../src/terms/luck.ts'
import type { MoveClass } from '../../src/terms/move.ts'
import { GiB, MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import { type Breakage, REST_MS, Rig } from './rig.ts'

/** What came of one seed. */
export interface FuzzRun {
  readonly violations: readonly string[]
  readonly ends: ReadonlyMap<string, number>
  readonly sent: number
  readonly kills: number
  readonly faults: number
  /** The longest that a move was unknown, and that while both its hosts could be asked: ms. */
  readonly unknownMsMax: number
  readonly askableMsMax: number
}

/** A quarter of an hour of orders, faults, kills and people, then rest until everything has to have ended. */
export async function fuzzMoves(
  seed: number,
  breakage: Breakage = {},
  onRig: (rig: Rig) => void = () => undefined,
): Promise<FuzzRun> {
  const luck = new Luck(seed * 7919 + 17)
  const mode = MODES[seed % MODES.length]
  const rig = new Rig({
    seed,
    hosts: mode.hosts,
    vms: mode.vms,
    courseOf: (intent) => aCourse(luck, intent),
    mannerOf: () => (luck.fraction() < mode.plain ? 'plain' : pick<CallManner>(luck, CALL_MANNERS)),
    breakage,
  })
  onRig(rig)
  let faults = 0
  for (let second = 0; second < 900 && rig.monitor.violations.length === 0; second++) {
    if (luck.fraction() < mode.orders) order(rig, luck, mode)
    if (luck.fraction() < mode.faults) {
      faults++
      FAULTS[luck.below(FAULTS.length)](rig, luck)
    }
    await rig.pass(SECOND_MS)
  }
  rig.killPlan = undefined
  rig.isJournalBroken = false
  rig.setPaused(false)
  for (const host of rig.hosts) rig.platform.restoreHost(host)
  await rig.pass(3 * MINUTE_MS)
  decideByHand(rig)
  await rig.pass(REST_MS, 7 * SECOND_MS)
  rig.monitor.finish()
  const sent = [...rig.platform.calls.values()].reduce((sum, number) => sum + number, 0)
  const { violations, ends, unknownMsMax, askableMsMax } = rig.monitor
  return { violations, ends, sent, kills: rig.kills, faults, unknownMsMax, askableMsMax }
}

/** A person does what the alerts ask for: of a VM that lies paused, one copy is chosen, and the other goes first. */
function decideByHand(rig: Rig): void {
  const { machines } = rig.platform
  for (const vm of rig.mover.view().frozenVms.keys()) {
    if (machines.executing(vm).length > 0) continue
    const copies = rig.hosts.filter((host) => machines.at(host, vm) !== undefined)
    const kept = copies.at(-1)
    for (const host of copies) machines.remove(host, vm)
    if (kept !== undefined) machines.put(kept, vm, 'running')
    rig.monitor.faulted.add(vm)
  }
}

/** What kind of a quarter of an hour it is. */
interface Mode {
  readonly hosts: number
  readonly vms: number
  /** Of orders, of faults, in a second; of calls that go as they should. */
  readonly orders: number
  readonly faults: number
  readonly plain: number
  readonly classes: readonly MoveClass[]
  /** Only the first so many VMs are moved. Absent: all. */
  readonly chased?: number
}

const MIXED: readonly MoveClass[] = ['contention', 'contention', 'contention', 'energy', 'operator', 'evacuation']

const MODES: readonly Mode[] = [
  { hosts: 4, vms: 7, orders: 0.08, faults: 0.03, plain: 0.6, classes: MIXED },
  { hosts: 3, vms: 4, orders: 0.1, faults: 0.06, plain: 0.8, classes: MIXED },
  // Everybody wants to move at once.
  { hosts: 7, vms: 16, orders: 0.6, faults: 0.004, plain: 0.95, classes: ['evacuation'] },
  { hosts: 12, vms: 24, orders: 0.3, faults: 0.001, plain: 1, classes: ['operator', 'energy', 'contention'] },
  // The same few again and again.
  { hosts: 10, vms: 10, orders: 0.2, faults: 0.001, plain: 1, classes: ['operator'], chased: 2 },
]

function order(rig: Rig, luck: Luck, mode: Mode): void {
  const vm = pick(luck, rig.vms.slice(0, mode.chased ?? mode.vms))
  const to = pick(luck, rig.hosts)
  const moveClass = pick(luck, mode.classes)
  const isMistaken = luck.fraction() < 0.05
  const copying = luck.fraction() < 0.2 ? 'postcopy' : 'precopy'
  const intent = rig.intent(vm, to, {
    class: moveClass,
    decidedAt: rig.clock.now() - (luck.fraction() < 0.1 ? 2 * MINUTE_MS : 0),
    terms: { mode: copying, timeoutMs: MINUTE_MS + luck.below(60) * SECOND_MS, stalledMs: 30 * SECOND_MS },
    ...(isMistaken ? { from: pick(luck, rig.hosts) } : {}),
    ...(luck.fraction() < 0.03 ? { cause: { kind: 'operator', who: 'bob' } } : {}),
  })
  const handIn = (): void => void rig.mover.submit(intent)
  handIn()
  // Somebody's retry, at once or after the process died.
  if (luck.fraction() < 0.2) rig.clock.in(luck.below(50) * 100, handIn)
  if (luck.fraction() < 0.05) {
    rig.clock.in(luck.below(60), () => rig.setPaused(true))
    rig.clock.in(4000, () => rig.setPaused(false))
  }
  if (luck.fraction() < 0.1) rig.clock.in(luck.below(20_000), () => void rig.mover.cancel(vm, 'ann'))
}

type Fault = (rig: Rig, luck: Luck) => void

const FAULTS: readonly Fault[] = [
  (rig) => rig.kill(),
  (rig) => rig.kill(),
  (rig, luck) => {
    rig.killPlan = { atLine: luck.below(6), isDurable: luck.fraction() < 0.5 }
  },
  killHalf,
  killHalf,
  (rig, luck) => {
    const host = pick(luck, rig.hosts)
    const vm = pick(luck, rig.vms)
    rig.monitor.faulted.add(vm)
    rig.platform.killProcess(host, vm)
  },
  (rig, luck) => {
    const host = pick(luck, rig.hosts)
    for (const vm of rig.vms) if (rig.platform.machines.at(host, vm) !== undefined) rig.monitor.faulted.add(vm)
    rig.platform.killHost(host)
    rig.clock.in((1 + luck.below(8)) * 30 * SECOND_MS, () => rig.platform.restoreHost(host))
  },
  (rig, luck) => rig.platform.restartDaemon(pick(luck, rig.hosts), luck.below(20) * SECOND_MS),
  (rig, luck) => rig.platform.silenceFor(pick(luck, rig.hosts), luck.below(240) * SECOND_MS),
  (rig, luck) => rig.platform.cutLinkFor(pick(luck, rig.hosts), pick(luck, rig.hosts), luck.below(120) * SECOND_MS),
  (rig, luck) => {
    rig.isJournalBroken = true
    rig.clock.in(luck.below(30) * SECOND_MS, () => {
      rig.isJournalBroken = false
    })
  },
  (rig, luck) => rig.setClockBack((2 + luck.below(30)) * SECOND_MS),
  (rig) => rig.setPaused(!rig.isPaused),
  (rig) => rig.setPaused(false),
  (rig, luck) => void rig.mover.cancel(pick(luck, rig.vms), 'ann'),
  (rig, luck) =>
    void rig.mover.vouch(
      pick(
        luck,
        rig.hosts.filter((host) => !rig.platform.machines.isUp(host)),
      ),
      'ann',
    ),
  (rig, luck) => {
    const vm = pick(luck, rig.vms)
    const isMoving = rig.platform.migrations.some((migration) => migration.vm === vm && migration.phase !== 'over')
    const to = pick(luck, rig.hosts)
    if (isMoving || !rig.platform.machines.isUp(to)) return
    rig.monitor.faulted.add(vm)
    rig.platform.moveByHand(vm, to)
  },
]

/** One of the two processes of a move dies, under way or just after. */
function killHalf(rig: Rig, luck: Luck): void {
  const { migrations } = rig.platform
  const delicate = migrations.find(({ phase }) => ['switching', 'finishing', 'post-copy'].includes(phase))
  const move = delicate ?? migrations.at(-1 - luck.below(2))
  if (move === undefined) return
  // A daemon that is restarted now leaves a paused copy at the source.
  if (move.phase === 'finishing' && luck.fraction() < 0.5) rig.platform.restartDaemon(move.from, 0)
  const host = luck.fraction() < 0.5 ? move.from : move.to
  if (rig.platform.machines.executing(move.vm).includes(host) || move.phase !== 'copying')
    rig.monitor.faulted.add(move.vm)
  rig.platform.killProcess(host, move.vm)
}

function aCourse(luck: Luck, { terms }: MigrationIntent): MigrationCourse {
  const course = {
    bytes: GiB,
    copyMs: 500 + luck.fraction() * (luck.fraction() < 0.2 ? 150 : 20) * SECOND_MS,
    downtimeMs: 20 + luck.fraction() * 800,
    finishMs: 20 + luck.fraction() * 2000,
    isStuck: luck.fraction() < 0.1,
  }
  return terms.mode === 'postcopy' ? { ...course, postCopyMs: 500 + luck.fraction() * 10_000 } : course
}

function pick<T>(luck: Luck, from: readonly T[]): T {
  return from[luck.below(from.length)]
}
