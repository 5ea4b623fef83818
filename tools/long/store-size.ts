import assert from 'node:assert/strict'
import type { LongTest } from '../long-test.ts'
import { GOAL_BYTES, measureStore } from '../server/store-size.ts'

/** A tenth of the goal's 10 000: all of them take as much per VM, ten times as long, and 4 GB of a disk. */
const VMS = 1000

/** A month of a site in the store, table by table. */
export const longTest: LongTest = {
  summary:
    `${VMS} VMs in the store: 30 days of six resources, mean and highest, every 5 minutes; all vectors of 48 hours, then one an hour; ` +
    'noise of 5 to 20 % on every number. Bytes by table, and what 10 000 VMs come to.',
  run: (seed) => {
    const { vms, tables, bytes, goalBytes } = measureStore(VMS, seed)
    assert.ok(goalBytes <= GOAL_BYTES, `10 000 VMs would take ${goalBytes} bytes, and ${GOAL_BYTES} is the goal`)
    const large = tables.filter((table) => table.bytes * 1000 > bytes)
    return {
      vms,
      bytes,
      bytesPerVm: Math.round(bytes / vms),
      bytesOf10000Vms: Math.round(goalBytes),
      ...Object.fromEntries(large.map((table) => [`${table.table}Bytes`, table.bytes])),
    }
  },
}
