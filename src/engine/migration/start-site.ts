import type { Inventory } from '../../terms/cluster.ts'
import type { Policy } from '../../terms/policy.ts'
import type { MoveSite } from './start-guards.ts'

/** What a start is judged by beside the moves there are: how many VMs there are, what share of them the policy may move within an hour, and how fast the
 *  hosts' links are. A policy without limits of safety limits no share. */
export function moveSiteOf({ vms, hosts }: Pick<Inventory, 'vms' | 'hosts'>, { safety }: Policy): MoveSite {
  return {
    vms: vms.length,
    ...(safety === undefined ? {} : { hourShareMax: safety.movesShareHourMax }),
    links: new Map(hosts.map(({ id, networkBytesPerSec }) => [id, networkBytesPerSec])),
  }
}
