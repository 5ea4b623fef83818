import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { MemoryStore } from '../../simulator/memory-store.ts'
import { Luck } from '../../terms/luck.ts'
import { type Resource, RESOURCES } from '../../terms/sample.ts'
import type { DemandSeries } from '../../terms/trace.ts'
import { aWideTrace, UserFolder } from '../cli/builders.ts'
import { POLICY_NAMES, type PolicyName } from './policy-names.ts'
import { livesAreCloudsims, runPolicy } from './run-policy.ts'
import { type BacktestSetup, prepareBacktest } from './setup.ts'

const user = new UserFolder()
after(() => user.remove())
/** Ten VMs touch zero, so that CloudSim destroys some; ten are busy, so that even a day's foresight finds something to do. */
const LOW = aWideTrace({ vms: 10, steps: 170, level: 39.5, swing: 40 })
const HIGH = aWideTrace({ vms: 10, steps: 170, level: 80, swing: 40 }).replaceAll('vm-', 'busy-')
const TRACE = user.write('day.csv', LOW + HIGH)
/** The last step that keeps its samples; 150 is after the second turn of the slowest, which comes every twelve hours. */
const CUTS = [9, 60, 150]
/** One of them comes before something that an oracle acts on. */
const CUTS_FOR_ORACLES = [1, 9, 24, 41, 60, 80, 100, 120]

for (const rules of ['honest', 'cloudsim']) {
  const setup = withMoreResources(
    prepareBacktest({ trace: TRACE, hosts: 'cloudsim', hostCount: 14, rules, seed: 1, dataFolder: user.path }),
  )
  describe(`whoever shuffles all samples after an instant, under ${rules} rules,`, () => {
    for (const name of POLICY_NAMES) {
      const title = isOracle(name)
        ? `changes what ${name} decided: the shuffle is felt by who does read the future`
        : `changes nothing that ${name} decided up to then: nobody else can read the future`
      test(title, async () => {
        const told = await decide(setup, name)
        const areSame: boolean[] = []
        for (const cut of isOracle(name) ? CUTS_FOR_ORACLES : CUTS) {
          const otherwise = await decide({ ...setup, demand: shuffledAfter(setup.demand, cut) }, name)
          areSame.push(isDeepStrictEqual(until(otherwise, cut), until(told, cut)))
        }
        if (isOracle(name)) assert.ok(areSame.includes(false))
        else assert.deepEqual(areSame, [true, true, true])
      })
    }
  })
}

function isOracle(name: PolicyName): boolean {
  return name.startsWith('oracle-')
}

interface Decisions {
  readonly initialPlacement: Int32Array
  /** Lines of the journal: every turn with its events and orders. */
  readonly turns: readonly { readonly atStep: number; readonly line: string }[]
  /** How many samples after a step the world itself goes by at that step. */
  readonly aheadSteps: number
}

async function decide(setup: BacktestSetup, name: PolicyName): Promise<Decisions> {
  const store = new MemoryStore()
  const areLivesCloudsims = livesAreCloudsims(name, setup.rules.name, 'auto')
  const { initialPlacement } = await runPolicy(setup, name, { areLivesCloudsims, keepsDetail: false, store })
  const turns: { atStep: number; line: string }[] = []
  for await (const line of store.lines()) {
    const { kind, at } = JSON.parse(line)
    if (kind === 'turn') turns.push({ atStep: Math.floor(at / setup.demand.stepMs), line })
  }
  // CloudSim destroys a VM at the first of two zeros in a row.
  return { initialPlacement, turns, aheadSteps: areLivesCloudsims ? 1 : 0 }
}

/** What was decided on samples up to `cut`. */
function until({ initialPlacement, turns, aheadSteps }: Decisions, cut: number): readonly string[] {
  const seen = turns.filter(({ atStep }) => atStep + aheadSteps <= cut)
  return [initialPlacement.join(','), ...seen.map(({ line }) => line)]
}

/** Each VM's samples after `cut` in another order. */
function shuffledAfter(demand: DemandSeries, cut: number): DemandSeries {
  const { vms, steps } = demand
  const columns: { -readonly [R in Resource]?: Float32Array } & { cpu: Float32Array } = { cpu: demand.columns.cpu }
  for (const resource of RESOURCES) {
    const column = demand.columns[resource]
    if (column !== undefined) columns[resource] = column.slice()
  }
  const luck = new Luck(cut)
  for (let vm = 0; vm < vms.length; vm++) {
    for (let step = steps - 1; step > cut + 1; step--) {
      const other = cut + 1 + Math.floor(luck.fraction() * (step - cut))
      for (const resource of RESOURCES) swap(columns[resource], step * vms.length + vm, other * vms.length + vm)
    }
  }
  return { ...demand, columns }
}

function swap(column: Float32Array | undefined, a: number, b: number): void {
  if (column === undefined) return
  const value = column[a]
  column[a] = column[b]
  column[b] = value
}

/** Memory and network that go with the CPU: copies depend on them under honest rules. */
function withMoreResources(setup: BacktestSetup): BacktestSetup {
  const { vms, columns } = setup.demand
  const memory = columns.cpu.map((cores, i) => vms[i % vms.length].memoryBytes * (0.3 + Math.min(0.6, 0.2 * cores)))
  const netReceive = columns.cpu.map((cores) => 4e6 * cores)
  return { ...setup, demand: { ...setup.demand, columns: { ...columns, memory, netReceive } } }
}
