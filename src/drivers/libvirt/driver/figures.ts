/** What libvirt measured of a move. */
import type { MoveFigures } from '../../../terms/intent.ts'
import type { Domain, JobStats, Libvirt } from '../rpc/libvirt.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { figureOf } from './vm-desk.ts'

/** virDomainGetJobStatsFlags: of the last job, and do not forget them. */
const COMPLETED_KEPT = (1 << 0) | (1 << 1)

/** Of the last move of a domain that has ended, as the host asked still has them. */
export async function completedFigures(libvirt: Libvirt, domain: Domain): Promise<MoveFigures | undefined> {
  const stats = await libvirt.call(DOMAIN_PROCEDURES.jobStats, { domain, flags: COMPLETED_KEPT })
  return moveFigures(stats.parameters)
}

/** Times in ms, bytes as libvirt counts all of memory and disks that were sent. Undefined where it tells none. */
export function moveFigures(parameters: JobStats['parameters']): MoveFigures | undefined {
  const [totalMs, downtimeMs, copiedBytes, rounds] = [
    figureOf(parameters, 'time_elapsed'),
    figureOf(parameters, 'downtime'),
    figureOf(parameters, 'data_processed') ?? figureOf(parameters, 'memory_processed'),
    figureOf(parameters, 'memory_iteration'),
  ]
  if ([totalMs, downtimeMs, copiedBytes, rounds].every((figure) => figure === undefined)) return undefined
  return {
    ...(totalMs === undefined ? {} : { totalMs }),
    ...(downtimeMs === undefined ? {} : { downtimeMs }),
    ...(copiedBytes === undefined ? {} : { copiedBytes }),
    ...(rounds === undefined ? {} : { rounds }),
  }
}
