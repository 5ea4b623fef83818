/** What CloudSim's rule takes from real days, as decisions/0006 tells it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../../tools/repository.ts'
import { demandSeries } from '../drivers/traces/demand-series.ts'
import { findDataFolder, listDataFiles } from '../drivers/traces/data-folder.ts'
import { loadTrace } from '../drivers/traces/load-trace.ts'
import type { DemandSeries } from '../terms/trace.ts'
import { endLivesAsCloudsim } from './cloudsim-lives.ts'

const ROW = /^\| (?<day>\d{8}) \| (?<vms>\d+) \| (?<destroyed>[\d.]+) % \| (?<lost>[\d.]+) % \|$/
const ROWS = readFileSync(join(REPOSITORY, 'decisions', '0006-cloudsim-lives.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const { day = '', vms = '', destroyed = '', lost = '' } = ROW.exec(line)?.groups ?? {}
    return day === '' ? [] : [{ day, vms, destroyed, lost }]
  })
const THERE: ReadonlySet<string> = new Set(
  listDataFiles(findDataFolder(), 'planetlab', /\.csv(\.gz)?$/).map((name) => name.slice(0, 8)),
)

test('the decision tells of five days', () => assert.equal(ROWS.length, 5))

for (const { day, ...told } of ROWS) {
  const skip = THERE.has(day) ? false : 'set ETHOS_DATA to a directory that holds planetlab/'
  test(`needs-data: CloudSim destroys on ${day} as many VMs as decisions/0006 says`, { skip }, () => {
    const { trace, vms } = loadTrace({ trace: `planetlab/${day}`, isCloudsim: true })
    const demand = demandSeries(trace, vms)
    const after = endLivesAsCloudsim(demand)
    const destroyed = after.lastStep.filter((step, vm) => step < demand.lastStep[vm]).length
    assert.deepEqual(
      {
        vms: String(vms.length),
        destroyed: ((destroyed / vms.length) * 100).toFixed(1),
        lost: ((1 - total(after) / total(demand)) * 100).toFixed(1),
      },
      told,
    )
  })
}

function total({ columns }: DemandSeries): number {
  let sum = 0
  for (const demand of columns.cpu) if (demand > 0) sum += demand
  return sum
}
