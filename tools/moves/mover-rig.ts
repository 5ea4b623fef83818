/** Rigs of one short move, and what a test asks of them. */
import type { CallManner } from '../../src/simulator/imagined-platform.ts'
import { GiB, SECOND_MS } from '../../src/terms/units.ts'
import type { Submission } from '../../src/loop/mover-view.ts'
import { Rig, type RigOptions } from './rig.ts'

/** Four hosts, six VMs; a move copies for ten seconds, stops for 100 ms and cleans up for two seconds. */
export function aRig(
  manner: CallManner = 'plain',
  course: { readonly isStuck?: boolean; readonly copyMs?: number } = {},
): Rig {
  const courseOf = () => ({
    bytes: GiB,
    copyMs: 10 * SECOND_MS,
    downtimeMs: 100,
    finishMs: 2 * SECOND_MS,
    isStuck: false,
    ...course,
  })
  const options: RigOptions = { seed: 1, courseOf, mannerOf: () => manner }
  return new Rig(options)
}

export function kindOf(told: Submission | 'no answer'): string {
  return told === 'no answer' ? told : told.kind
}

export function reasonOf(told: Submission | 'no answer'): string {
  return typeof told !== 'string' && told.kind === 'refused' ? told.refusal.reason : ''
}

export function endsOf(rig: Rig): readonly string[] {
  return rig.mover
    .view()
    .ended.flatMap(({ closed }) => closed?.state ?? [])
    .sort()
}
