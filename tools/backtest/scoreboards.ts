/** The parts of the benchmark that say how good our policy is: the bar, the days, and all policies alike. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { POLICY_NAMES } from '../../src/apps/backtest/policy-names.ts'
import type { BacktestResult } from '../../src/apps/backtest/result.ts'
import { runPolicy } from '../../src/apps/backtest/run-policy.ts'
import { GiB } from '../../src/terms/units.ts'
import { readMaybePacked } from '../recompute.ts'
import { type Day, type Material, prepareDay } from './material.ts'
import { inOtherOrder } from './other-order.ts'
import { runAndRecompute } from './recomputed-run.ts'
import { met, percent, rounded, type Section, showTable, type Tell } from './section.ts'

type Figures = Pick<
  BacktestResult,
  | 'energyKwh'
  | 'overloadTimeFraction'
  | 'unservedFraction'
  | 'migrationDegradationFraction'
  | 'migrations'
  | 'migrationsPerVmDay'
  | 'copiedBytes'
  | 'hostsOnMean'
>

interface Quantity {
  readonly name: string
  readonly title: string
  readonly show: (figures: Figures) => string
  /** What is shown may not exceed it. */
  readonly goal?: number
}

const QUANTITIES: readonly Quantity[] = [
  { name: 'energyKwh', title: 'energy, kWh', show: (f) => f.energyKwh.toFixed(2), goal: 165 },
  {
    name: 'overloadTimePercent',
    title: 'overload, % of host time',
    show: (f) => percent(f.overloadTimeFraction, 3),
    goal: 1,
  },
  { name: 'migrationsPerVmDay', title: 'migrations per VM-day', show: (f) => f.migrationsPerVmDay.toFixed(3), goal: 2 },
  { name: 'unservedPercent', title: 'unserved, % of demand', show: (f) => percent(f.unservedFraction, 4) },
  {
    name: 'degradedPercent',
    title: 'degraded, % of demand',
    show: (f) => percent(f.migrationDegradationFraction, 4),
  },
  { name: 'migrations', title: 'migrations', show: (f) => String(f.migrations) },
  { name: 'copiedGb', title: 'copied, GB', show: (f) => (f.copiedBytes / GiB).toFixed(1) },
  { name: 'hostsOnMean', title: 'hosts on, mean', show: (f) => f.hostsOnMean.toFixed(1) },
]

/** Our policy on the day of the goals, as the simulator accounts for it and as the evaluator does from the moves. */
export async function measureBar(material: Material, tell: Tell): Promise<Section> {
  const [day] = material.days
  tell(`ethos on ${day.name}, and once more from its moves`)
  const files = { trace: day.file, folder: material.folder }
  const { result, recomputed } = await runAndRecompute(prepareDay(material, day), 'ethos', files)
  const rows = QUANTITIES.map(({ name, title, show, goal }) => {
    const figures = { name, simulated: show(result), recomputed: show(recomputed) }
    const judged = goal === undefined || material.isQuick ? {} : { goal, isMet: Number(figures.simulated) <= goal }
    return { title, figures: { ...figures, ...judged } }
  })
  const isSame = rows.every(({ figures }) => figures.simulated === figures.recomputed)
  const isAgreed = isSame && recomputed.faults.length === 0
  const table = showTable(
    ['', 'simulator', 'recomputed', 'goal', ''],
    rows.map(({ title, figures: { simulated, recomputed, goal, isMet } }) => [
      title,
      simulated,
      recomputed,
      goal === undefined ? '' : `<= ${goal}`,
      isMet === undefined ? '' : met(isMet),
    ]),
  )
  const verdict = isAgreed
    ? 'Both agree to the printed digit.'
    : `They DISAGREE. ${recomputed.faults.slice(0, 3).join('; ')}`
  const about = material.isQuick
    ? 'The goals are for PlanetLab 20110303 and not judged here.'
    : "CloudSim's rules and fleet of 800 hosts, seed 1."
  return {
    title: `The bar: our policy on ${day.name}`,
    text: `${about} The column beside is worked out by \`tools/recompute.ts\` from trace, first placement and moves. ${verdict}\n\n${table}`,
    figures: { day: day.name, isAgreed, quantities: rows.map(({ figures }) => asNumbers(figures)) },
    isSound: isAgreed,
  }
}

function asNumbers<Row extends { readonly simulated: string; readonly recomputed: string }>(row: Row) {
  return { ...row, simulated: Number(row.simulated), recomputed: Number(row.recomputed) }
}

interface NamedResult {
  readonly name: string
  readonly result: Figures
}

/** Our policy on every day; on the first with other seeds, and with the same VMs in another order. */
export async function measureDays(material: Material, tell: Tell): Promise<Section> {
  const [first] = material.days
  const run = async (name: string, day: Day, seed: number): Promise<NamedResult> => {
    tell(`ethos on ${name}`)
    return { name, result: await live(material, day, seed) }
  }
  const days: NamedResult[] = []
  for (const day of material.days) days.push(await run(day.name, day, 1))
  const seeds: NamedResult[] = []
  for (const seed of material.seeds) seeds.push(await run(`${first.name}, seed ${seed}`, first, seed))
  const orders: NamedResult[] = []
  for (const seed of material.seeds) {
    orders.push(await run(`${first.name}, order ${seed}`, dayInOtherOrder(material, seed), 1))
  }
  const mean = { name: 'mean', result: meanOf(days.map(({ result }) => result)) }
  const rows = [...days, mean, ...seeds, ...orders].map(({ name, result }) => [name, ...cells(result)])
  const table = showTable(['day', ...QUANTITIES.map(({ title }) => title)], rows)
  return {
    title: `Our policy on ${material.days.length} days`,
    text: `${describeSpread(material, seeds, orders)} ${describeMisses(material, days, orders)}\n\n${table}`,
    figures: {
      days: days.map(figuresOfNamed),
      mean: figuresOf(mean.result),
      seeds: seeds.map(figuresOfNamed),
      orders: orders.map(figuresOfNamed),
      seedSpreadKwh: rounded(spreadKwh(seeds), 3),
      orderSpreadKwh: rounded(spreadKwh(orders), 3),
    },
    isSound: true,
  }
}

function describeSpread({ seeds }: Material, runs: readonly NamedResult[], orders: readonly NamedResult[]): string {
  const [byLuck, byOrder] = [spreadKwh(runs), spreadKwh(orders)]
  const luck =
    byLuck === 0
      ? `Seeds ${seeds.join(', ')} give the same run: our policy draws no luck, nor do these rules.`
      : `Seeds ${seeds.join(', ')} lie ${byLuck.toFixed(2)} kWh apart.`
  return [
    luck,
    'With the rows of the trace in another order within each VM type, so that ties are broken otherwise,',
    `energies lie ${byOrder.toFixed(2)} kWh apart. The policy was tuned with these days in sight: none of them is held out.`,
  ].join(' ')
}

/** Of the goals, which are set for the first day: overload and migrations wherever we run, energy on the VMs of that day. */
function describeMisses({ isQuick }: Material, days: readonly NamedResult[], orders: readonly NamedResult[]): string {
  if (isQuick) return ''
  const misses = [...days, ...orders].flatMap((run) =>
    QUANTITIES.flatMap(({ name, title, show, goal = Infinity }) => {
      const isAsked = name !== 'energyKwh' || run === days[0] || orders.includes(run)
      const shown = show(run.result)
      return isAsked && Number(shown) > goal ? [`${run.name}: ${title} ${shown}, goal ${goal}`] : []
    }),
  )
  const goals = 'The goals of overload and migrations on all days, and of energy on the first in any order:'
  return `${goals} ${misses.length === 0 ? 'met' : `missed by ${misses.join('; ')}`}.`
}

function dayInOtherOrder({ days: [first], folder }: Material, seed: number): Day {
  const file = join(folder, `order-${seed}.csv`)
  writeFileSync(file, inOtherOrder(readMaybePacked(first.file), seed))
  return { name: first.name, trace: file, file }
}

function spreadKwh(runs: readonly NamedResult[]): number {
  const energies = runs.map(({ result }) => result.energyKwh)
  return Math.max(...energies) - Math.min(...energies)
}

function figuresOfNamed({ name, result }: NamedResult) {
  return { name, ...figuresOf(result) }
}

/** All policies on one day, every VM to the end of the trace. */
export async function compareAll(material: Material, tell: Tell): Promise<Section> {
  const [day] = material.days
  const setup = prepareDay(material, day)
  const results: BacktestResult[] = []
  for (const name of POLICY_NAMES) {
    tell(`${name} on ${day.name}`)
    results.push((await runPolicy(setup, name, { areLivesCloudsims: false, keepsDetail: false })).result)
  }
  const titles = ['policy', ...QUANTITIES.map(({ title }) => title), 'SLATAH by CloudSim, %', 'CPU, s']
  const rows = results.map((result) => [
    result.policy,
    ...cells(result),
    result.cloudsimSlatahFraction === undefined ? '' : percent(result.cloudsimSlatahFraction),
    result.cpuSeconds.toFixed(2),
  ])
  return {
    title: `Like for like: ${results.length} policies on ${day.name}`,
    text: `Every VM lives as long as the trace says, and figures are taken at the samples (\`--lives trace\`).\n\n${showTable(titles, rows)}`,
    figures: {
      day: day.name,
      policies: results.map((result) => ({
        policy: result.policy,
        ...figuresOf(result),
        cloudsimSlatahPercent: Number(percent(result.cloudsimSlatahFraction ?? Number.NaN, 3)),
        cpuSeconds: Number(result.cpuSeconds.toFixed(2)),
      })),
    },
    isSound: true,
  }
}

async function live(material: Material, day: Day, seed: number): Promise<BacktestResult> {
  const setup = prepareDay(material, day, seed)
  return (await runPolicy(setup, 'ethos', { areLivesCloudsims: false, keepsDetail: false })).result
}

function cells(figures: Figures): readonly string[] {
  return QUANTITIES.map(({ show }) => show(figures))
}

function figuresOf(figures: Figures): Readonly<Record<string, number>> {
  return Object.fromEntries(QUANTITIES.map(({ name, show }) => [name, Number(show(figures))]))
}

function meanOf(all: readonly Figures[]): Figures {
  const mean = (of: (figures: Figures) => number): number => all.reduce((sum, one) => sum + of(one), 0) / all.length
  return {
    energyKwh: mean((f) => f.energyKwh),
    overloadTimeFraction: mean((f) => f.overloadTimeFraction),
    unservedFraction: mean((f) => f.unservedFraction),
    migrationDegradationFraction: mean((f) => f.migrationDegradationFraction),
    migrations: Math.round(mean((f) => f.migrations)),
    migrationsPerVmDay: mean((f) => f.migrationsPerVmDay),
    copiedBytes: mean((f) => f.copiedBytes),
    hostsOnMean: mean((f) => f.hostsOnMean),
  }
}
