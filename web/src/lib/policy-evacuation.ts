/** What it would take to empty a host, as the page tells it. */
import type { EvacuationPreviewView } from '../../../src/apps/server/views/preview.ts'
import { bytesText, spanText } from '../../../src/terms/shown.ts'

/** One sentence: how many go, how long it takes, who stays. */
export function evacuationSentence({ host, vms, moves, stuck, totalMs, copiedBytes }: EvacuationPreviewView): string {
  if (vms === 0) return `${host} carries no VM: it is empty already.`
  const rounds = Math.max(0, ...moves.map(({ round }) => round))
  const stay = stuck.length === 0 ? '' : ` ${stuck.length} can’t leave.`
  if (moves.length === 0) return `None of ${vms} VMs can leave ${host}.`
  return (
    `${moves.length} of ${vms} VMs would leave ${host} within about ${spanText(totalMs)}, in ${rounds} ` +
    `${rounds === 1 ? 'round' : 'rounds'}, with ${bytesText(copiedBytes)} to be sent.${stay}`
  )
}

export interface Bar {
  readonly title: string
  /** Shares of what there is. */
  readonly before: number
  readonly after: number
}

/** How full a host is, before and after: expected demand, its upper bound, memory that is promised. */
export function fullnessBars({ cpu, memory }: EvacuationPreviewView['hosts'][number]): readonly Bar[] {
  return [
    {
      title: 'CPU expected',
      before: share(cpu.meanBefore, cpu.capacity),
      after: share(cpu.meanAfter, cpu.capacity),
    },
    {
      title: 'CPU bound',
      before: share(cpu.boundBefore, cpu.capacity),
      after: share(cpu.boundAfter, cpu.capacity),
    },
    {
      title: 'Memory',
      before: share(memory.allocatedBefore, memory.bytes),
      after: share(memory.allocatedAfter, memory.bytes),
    },
  ]
}

/** Why it can't be ordered as it is; undefined: it can. By force it always can. */
export function evacuationHeld(preview: EvacuationPreviewView): string | undefined {
  const first = preview.conflicts.find(({ isNew }) => isNew)
  return first === undefined ? undefined : `${first.text} ${first.remedy}`
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0
}
