import assert from 'node:assert/strict'
import { ethos } from '../../src/engine/turn.ts'
import { none } from '../../src/rivals/none.ts'
import { proxmoxCrs } from '../../src/rivals/proxmox-crs.ts'
import { countFlaps, judgeFlaps } from '../anti-flap/oracle.ts'
import { live } from '../anti-flap/run.ts'
import { SHAPES, VMS } from '../anti-flap/shapes.ts'
import type { LongTest } from '../long-test.ts'

const HOURS = 72

export const longTest: LongTest = {
  summary: `${Object.keys(SHAPES).length} shapes of load, ${HOURS} h each, on 8 hosts with ${VMS} VMs: nobody goes to and fro, and budgets hold.`,
  run: async (seed) => {
    const figures: Record<string, number> = {}
    for (const [name, shape] of Object.entries(SHAPES)) {
      const ours = await live({ balancer: ethos, shape, hours: HOURS, seed })
      const count = countFlaps(ours.orders, ours.untilMs)
      assert.deepEqual(judgeFlaps(count, VMS), [], name)
      assert.deepEqual(
        ours.advice.filter((text) => !text.startsWith('Moves do not pay')),
        [],
        name,
      )
      if (name === 'constant') assert.equal(count.afterSettled, 0)
      const held = await live({ balancer: proxmoxCrs, shape, hours: HOURS, seed })
      const still = await live({ balancer: none, shape, hours: HOURS, seed })
      figures[`${name}: moves`] = count.moves
      figures[`${name}: moves of hold and margin alone (Proxmox CRS)`] = held.orders.length
      figures[`${name}: its returns within 6 h`] = countFlaps(held.orders, held.untilMs).returns
      figures[`${name}: overload, % of host time`] = percent(ours.overloadTimeFraction)
      figures[`${name}: overload of hold and margin alone`] = percent(held.overloadTimeFraction)
      figures[`${name}: overload without moves`] = percent(still.overloadTimeFraction)
    }
    return figures
  },
}

function percent(share: number): number {
  return Math.round(share * 1e5) / 1e3
}
