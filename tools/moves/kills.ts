import type { CallManner } from '../../src/simulator/imagined-platform.ts'
import { Luck } from '../../src/terms/luck.ts'
import { GiB, MINUTE_MS, SECOND_MS } from '../../src/terms/units.ts'
import { Rig } from './rig.ts'

/** What came of one move during which the process was killed. */
export interface KilledMove {
  readonly violations: readonly string[]
  readonly steps: readonly string[]
  readonly calls: number
  readonly tasks: number
}

export interface KillPoint {
  readonly seed: number
  /** Killed at this line of the journal, before it is durable or just after; or so long after the order. */
  readonly at: { readonly line: number; readonly isDurable: boolean } | { readonly ms: number }
  readonly manner?: CallManner
  /** Somebody asks it to end after three seconds. */
  readonly isCancelled?: boolean
  /** The destination can't be asked from the third second on, for so long. */
  readonly silentMs?: number
}

/** One move of 12 seconds, one kill, and a new process from the journal. */
export async function killDuringMove({ seed, at, manner, isCancelled, silentMs }: KillPoint): Promise<KilledMove> {
  const luck = new Luck(seed)
  const rig = new Rig({
    seed,
    courseOf: () => ({ bytes: GiB, copyMs: 9000, downtimeMs: 300, finishMs: 2000, isStuck: false }),
    mannerOf: () => manner ?? 'plain',
  })
  const intent = rig.intent(rig.vms[0], rig.hosts[1], { terms: { timeoutMs: MINUTE_MS } })
  if ('line' in at) rig.killPlan = { atLine: at.line, isDurable: at.isDurable }
  else rig.clock.in(at.ms, () => rig.kill())
  if (isCancelled === true) rig.clock.in(3000, () => void rig.mover.cancel(rig.vms[0], 'ann'))
  if (silentMs !== undefined) rig.clock.in(3000, () => rig.platform.silenceFor(rig.hosts[1], silentMs))
  await rig.submit(intent)
  await rig.pass(20 * SECOND_MS)
  // A second one, of the process that took over.
  if (luck.fraction() < 0.3) rig.kill()
  await rig.pass(2 * MINUTE_MS, 3 * SECOND_MS)
  await rig.pass(8 * MINUTE_MS, 20 * SECOND_MS)
  rig.monitor.finish()
  const { id } = intent.order
  return {
    violations: rig.monitor.violations,
    steps: rig.monitor.stepsOf(id),
    calls: rig.platform.calls.get(id) ?? 0,
    tasks: rig.platform.tasks.get(id) ?? 0,
  }
}
