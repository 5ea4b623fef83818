import assert from 'node:assert/strict'
import { withMaterial } from '../backtest/material.ts'
import { TOLERANCE } from '../backtest/published.ts'
import { daysTogether, type Reproduction, reproduceAll } from '../backtest/reproduction.ts'
import type { Figures, LongTest } from '../long-test.ts'

/** Of a single day. CloudSim itself deviates by as much where its VM files come in another order: 163.48 kWh on 20110303 become 167.83,
 *  as ties decided otherwise change all that follows. Over all days a policy must come nearer. */
const DAY_FRACTION = 0.04

/** The small form is `src/rivals/cloudsim/published.test.ts`: one day. */
export const longTest: LongTest = {
  summary:
    `CloudSim's policies on five PlanetLab days: each within ${DAY_FRACTION * 100} % of what CloudSim 3.0.3 printed, ` +
    'together within 2 % of kWh and 3 % of migrations.',
  run: async () => {
    const reproductions = await withMaterial(
      { isQuick: false },
      (why) => assert.fail(why),
      (material) => reproduceAll(material, (what) => process.stderr.write(`... ${what}\n`)),
    )
    for (const run of reproductions) checkDay(run)
    for (const { policy, energyDeviation, migrationsDeviation } of daysTogether(reproductions)) {
      const text = `${policy}: ${energyDeviation} of kWh, ${migrationsDeviation} of migrations on all days`
      assert.ok(Math.abs(energyDeviation) <= TOLERANCE.energyFraction, text)
      assert.ok(Math.abs(migrationsDeviation) <= TOLERANCE.migrationsFraction, text)
    }
    return figuresOf(reproductions)
  },
}

function checkDay({ day, policy, energyDeviation, migrationsDeviation }: Reproduction): void {
  const text = `${policy} on ${day}: ${energyDeviation} of kWh, ${migrationsDeviation} of migrations`
  assert.ok(Math.abs(energyDeviation) <= DAY_FRACTION && Math.abs(migrationsDeviation) <= DAY_FRACTION, text)
}

function figuresOf(reproductions: readonly Reproduction[]): Figures {
  const within = reproductions.filter(({ isWithinTolerance }) => isWithinTolerance).length
  const days = reproductions.flatMap(({ day, policy, energyKwh, migrations }) => [
    [`${day} ${policy} kWh`, Number(energyKwh.toFixed(2))],
    [`${day} ${policy} migrations`, migrations],
  ])
  return { runs: reproductions.length, withinTightTolerance: within, ...Object.fromEntries(days) }
}
