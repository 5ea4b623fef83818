import type { TraceCounts } from '../../terms/trace.ts'
import { amount } from './amount.ts'

/** First and last step in which each VM has a CPU value; -1 and -2 where it has none. `cpu` is row-major VM x step. */
export interface LifeSpans {
  readonly firstStep: Int32Array
  readonly lastStep: Int32Array
}

export function lifeSpans(cpu: Float32Array, steps: number): LifeSpans {
  const vms = steps === 0 ? 0 : cpu.length / steps
  const firstStep = new Int32Array(vms)
  const lastStep = new Int32Array(vms)
  for (let vm = 0; vm < vms; vm++) {
    const start = vm * steps
    let first = 0
    while (first < steps && Number.isNaN(cpu[start + first])) first++
    let last = steps - 1
    while (last >= first && Number.isNaN(cpu[start + last])) last--
    firstStep[vm] = last < first ? -1 : first
    lastStep[vm] = last < first ? -2 : last
  }
  return { firstStep, lastStep }
}

/** What is told of a trace on one line, from its columns. */
export function countTrace(cpu: Float32Array, steps: number, memory?: Float32Array): TraceCounts {
  const { firstStep, lastStep } = lifeSpans(cpu, steps)
  let samples = 0
  let gaps = 0
  let comeAndGo = 0
  for (let vm = 0; vm < firstStep.length; vm++) {
    if (firstStep[vm] > 0 || (lastStep[vm] >= 0 && lastStep[vm] < steps - 1)) comeAndGo++
    for (let step = firstStep[vm]; step >= 0 && step <= lastStep[vm]; step++) {
      if (Number.isNaN(cpu[vm * steps + step])) gaps++
      else samples++
    }
  }
  const above100 = countAbove100(cpu) + (memory === undefined ? 0 : countAbove100(memory))
  return { vms: firstStep.length, samples, gaps, above100, comeAndGo }
}

/** The one line of counts that goes to stderr. */
export function describeCounts(name: string, counts: TraceCounts, stepMs: number): string {
  return (
    `trace ${name}: ${amount(counts.vms, 'VM', 'VMs')}, step ${stepMs / 1000} s, ` +
    `${amount(counts.samples, 'sample', 'samples')}, ${amount(counts.gaps, 'gap', 'gaps')}, ` +
    `${counts.above100} above 100 %, ${amount(counts.comeAndGo, 'VM comes or goes', 'VMs come or go')}`
  )
}

function countAbove100(column: Float32Array): number {
  let count = 0
  for (let i = 0; i < column.length; i++) if (column[i] > 1) count++
  return count
}
