import type { ReadingWriter } from '../sampler.ts'
import type { ProcessClass } from './process-class.ts'
import { tell } from './tell.ts'

/** What is kept of a process: never its name. */
export interface Process {
  readonly startTicks: number
  readonly isKernel: boolean
  readonly kind: ProcessClass
  cpuTicks: number
  parent: number
  /** Character code of the state: R, S, D, Z, T, ... (proc(5)). */
  state: number
  /** Numbers of the looks in which it was seen first and last, and read last. */
  firstIn: number
  seenIn: number
  readIn: number
}

const GENERATIONS_MAX = 64
const STATES = [
  ['running', 'R'],
  ['waiting for a disk', 'D'],
  ['stopped', 'T'],
  ['ended, not yet fetched', 'Z'],
] as const

/** For people: how many of which class and state, the widest family, the depth of the tree; kernel threads left out. */
export function putFamilies(processes: ReadonlyMap<number, Process>, into: ReadingWriter): void {
  const counts = new Map<ProcessClass, number>()
  const children = new Map<number, number>()
  const states = new Map<number, number>()
  let deepest = 0
  for (const process of processes.values()) {
    if (process.isKernel) continue
    addTo(counts, process.kind)
    addTo(children, process.parent)
    addTo(states, process.state)
    deepest = Math.max(deepest, depthOf(process, processes))
  }
  const classes = [...counts].toSorted((a, b) => b[1] - a[1]).map(([kind, count]) => `${count} ${kind}`)
  into.detail({ name: 'classes', unit: '', value: classes.join(', ') })
  let widest = 0
  for (const count of children.values()) widest = Math.max(widest, count)
  tell(into, 'widest family', 'processes', widest)
  tell(into, 'tree depth', 'generations', deepest)
  for (const [name, letter] of STATES) tell(into, name, 'processes', states.get(letter.charCodeAt(0)) ?? 0)
}

/** Generations up to the first process. A parent may be gone or its number given to another: a circle ends at the bound. */
function depthOf(process: Process, processes: ReadonlyMap<number, Process>): number {
  let depth = 1
  for (
    let at = processes.get(process.parent);
    at !== undefined && depth < GENERATIONS_MAX;
    at = processes.get(at.parent)
  )
    depth++
  return depth
}

function addTo<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
