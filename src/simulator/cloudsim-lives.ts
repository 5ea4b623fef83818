import type { DemandSeries } from '../terms/trace.ts'

/** The same demand with each VM's life ended where CloudSim 3.0.3 ends it.
 *
 *  At every step but the first CloudSim takes a VM that wants nothing for *completed* and destroys it for good (`getCompletedVms`
 *  of its HostDynamicWorkload, called by PowerDatacenter). It reads the trace 0.1 s after the sample, between this one and the
 *  next, so "nothing" means two zeros in a row. On the PlanetLab days this removes half to three quarters of the VMs before the
 *  day is out, and a sixth to a quarter of the demand: whoever compares with CloudSim's numbers must do the same. */
export function endLivesAsCloudsim(demand: DemandSeries): DemandSeries {
  const count = demand.vms.length
  const lastStep = demand.lastStep.slice()
  for (let vm = 0; vm < count; vm++) {
    const completed = completedAt(demand, vm)
    if (completed !== undefined) lastStep[vm] = completed - 1
  }
  const columns = { ...demand.columns, cpu: demand.columns.cpu.slice() }
  for (let vm = 0; vm < count; vm++) {
    for (let step = lastStep[vm] + 1; step < demand.steps; step++) columns.cpu[step * count + vm] = Number.NaN
  }
  return { ...demand, columns, lastStep }
}

/** First step after the VM's first at which it and the next sample are zero. Absent: it lives to the end. */
function completedAt({ vms, columns, firstStep, lastStep }: DemandSeries, vm: number): number | undefined {
  for (let step = firstStep[vm] + 1; step < lastStep[vm]; step++) {
    const isZero = columns.cpu[step * vms.length + vm] === 0
    if (isZero && columns.cpu[(step + 1) * vms.length + vm] === 0) return step
  }
  return undefined
}
