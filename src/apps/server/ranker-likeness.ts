/** What the ranker knows of a VM's character: its own vector of it, and where it stands among VMs of its size. */
import type { TurnContext } from '../../engine/context.ts'
import { type LikenessAxis, likenessOf, type Standing } from '../../engine/profile/likeness.ts'
import { getPersonalityVector } from '../../engine/profile/profiles.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'

/** As the main thread reads it. */
export interface Likeness {
  readonly degraded: readonly string[]
  readonly vm: string
  readonly class: { readonly text: string; readonly vms: number }
  readonly axes: Readonly<Partial<Record<LikenessAxis, Standing>>>
  /** The server's own vector in its wire form. Absent: it has worked out none yet. */
  readonly vector?: string
}

export function likenessBody(context: TurnContext, vm: number): Omit<Likeness, 'degraded'> {
  const { id } = context.observation.inventory.vms[vm]
  const { like, axes } = likenessOf(context, vm)
  const vector = getPersonalityVector(context.state, id)
  return {
    vm: id,
    class: { text: like.text, vms: like.members.length },
    axes,
    ...(vector === undefined ? {} : { vector: encodePersonality(vector) }),
  }
}
