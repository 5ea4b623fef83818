/** The parts of the benchmark that say what our policy costs: a whole process, and a turn of more and more VMs. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { MiB } from '../../src/terms/units.ts'
import { REPOSITORY } from '../repository.ts'
import type { Material } from './material.ts'
import { measureProcess, type ProcessUsage, type Spread, spreadOf } from './process-cost.ts'
import { met, rounded, type Section, showTable, type Tell } from './section.ts'
import type { TurnTimes } from './turn-times.ts'

const CPU_SECONDS_GOAL = 3
const PEAK_MB_GOAL = 200
/** Runs the same simulation and decides nothing: what is left is ours. */
const PEER = 'none'
/** Last to first, of time by n log n: what noise and caches are granted. */
const GROWTH_RATIO_GOAL = 1.3

/** Our policy and a peer in turn, each in a process of its own. */
export function measureProcesses(material: Material, tell: Tell): Promise<Section> {
  const [day] = material.days
  const runs = new Map<string, ProcessUsage[]>(['ethos', PEER].map((policy) => [policy, []]))
  for (let round = 1; round <= material.processRounds; round++) {
    for (const [policy, usages] of runs) {
      tell(`process of ${policy} on ${day.name}, run ${round}`)
      usages.push(measureProcess(wordsFor(material, policy), material.folder))
    }
  }
  const policies = [...runs].map(([policy, usages]) => ({
    policy,
    cpuSeconds: spreadOf(usages.map(({ cpuSeconds }) => rounded(cpuSeconds, 2))),
    peakMb: spreadOf(usages.map(({ peakBytes }) => rounded(peakBytes / MiB, 1))),
  }))
  const [ours, peer] = policies
  const ratio = ours.cpuSeconds.median / peer.cpuSeconds.median
  const isCpuMet = ours.cpuSeconds.median <= CPU_SECONDS_GOAL
  const isPeakMet = ours.peakMb.median <= PEAK_MB_GOAL
  const judged = material.isQuick
    ? 'The goals are for PlanetLab 20110303 and not judged here.'
    : `Goals: ${CPU_SECONDS_GOAL} s, ${met(isCpuMet)}; ${PEAK_MB_GOAL} MB, ${met(isPeakMet)} (medians).`
  const rows = policies.map(({ policy, cpuSeconds, peakMb }) => [policy, show(cpuSeconds, 2), show(peakMb, 1)])
  const table = showTable(['policy', 'CPU, s: min / median / max', 'peak, MB: min / median / max'], rows)
  const about = [
    'CPU of user and system and the maximum resident set of the whole process, loading included;',
    `runs of each in turn: ${material.processRounds}. ${judged} Our policy takes ${ratio.toFixed(2)} x the CPU time of \`${PEER}\`,`,
    'which lives through the same day and moves nothing.',
  ].join(' ')
  return Promise.resolve({
    title: `Whole processes: \`ethos backtest\` of ${day.name}`,
    text: `${about}\n\n${table}`,
    figures: {
      day: day.name,
      rounds: material.processRounds,
      policies,
      ratioToPeer: rounded(ratio, 2),
      ...(material.isQuick ? {} : { isCpuMet, isPeakMet }),
    },
    isSound: true,
  })
}

interface Growth {
  readonly vms: number
  readonly hosts: number
  readonly turns: number
  readonly turnCpuMs: number
  readonly vmCpuMicroseconds: number
  /** Nanoseconds a turn by n log2 n. */
  readonly byNLogN: number
}

/** Mean CPU time of a turn at each size; the median of several processes. */
export function measureGrowth(material: Material, tell: Tell): Promise<Section> {
  const { sizes, sizeRounds: rounds, turnsSkipped, isQuick } = material
  const runs = sizes.map((): TurnTimes[] => [])
  // Sizes in turn, so that a busy quarter of an hour on the machine is not one size's alone.
  for (let round = 1; round <= rounds; round++) {
    sizes.forEach((request, i) => {
      tell(`turns of ${request.vmCount} VMs on ${request.hostCount} hosts, run ${round}`)
      runs[i].push(timeTurnsApart(JSON.stringify(request)))
    })
  }
  const growths = runs.map((times) => growthOf(times, turnsSkipped))
  const [first, last] = [growths[0], growths[growths.length - 1]]
  const ratio = last.byNLogN / first.byNLogN
  const exponent = Math.log(last.turnCpuMs / first.turnCpuMs) / Math.log(last.vms / first.vms)
  const isMet = ratio <= GROWTH_RATIO_GOAL
  const judged = isQuick
    ? 'Too small to judge by.'
    : [
        `Last to first by n log n: ${ratio.toFixed(2)}, goal at most ${GROWTH_RATIO_GOAL}, ${met(isMet)};`,
        'above 1 is faster than n log n, and what is allowed above it is for caches and a noisy machine.',
        `Between the smallest and the largest a turn grew as n^${exponent.toFixed(2)}.`,
      ].join(' ')
  const rows = growths.map((growth) => [
    String(growth.vms),
    String(growth.hosts),
    growth.turnCpuMs.toFixed(2),
    growth.vmCpuMicroseconds.toFixed(2),
    growth.byNLogN.toFixed(1),
  ])
  const table = showTable(['VMs', 'hosts', 'CPU a turn, ms', 'a VM, µs', 'by n log2 n, ns'], rows)
  const about = [
    `Mean over the ${first.turns} turns of a day that follow the first ${turnsSkipped}, in which code is compiled and what is looked`,
    `back at fills up; a fresh process for each run, runs of each size: ${rounds}, of which the median.`,
    `VMs and hosts keep their ratio. ${judged}`,
  ].join(' ')
  return Promise.resolve({
    title: 'Growth with size',
    text: `${about}\n\n${table}`,
    figures: {
      turnsSkipped,
      rounds,
      sizes: growths,
      ratioLastToFirst: rounded(ratio, 3),
      exponent: rounded(exponent, 3),
      ...(isQuick ? {} : { isMet }),
    },
    isSound: true,
  })
}

function wordsFor({ days: [day], hostCount, dataFolder, folder }: Material, policy: string): readonly string[] {
  const words = ['backtest', '--trace', day.trace, '--hosts', 'cloudsim', '--policy', policy]
  return [
    ...words,
    '--json',
    join(folder, 'run.json'),
    ...(hostCount === undefined ? [] : ['--host-count', String(hostCount)]),
    ...(dataFolder === undefined ? [] : ['--data', dataFolder]),
  ]
}

function timeTurnsApart(request: string): TurnTimes {
  const program = join(import.meta.dirname, 'turn-times.ts')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, request], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`turn-times.ts ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as TurnTimes
}

function growthOf(runs: readonly TurnTimes[], turnsSkipped: number): Growth {
  const [{ vms, hosts, turnCpuMs }] = runs
  const means = runs.map((run) => meanOf(run.turnCpuMs.slice(turnsSkipped)))
  const { median } = spreadOf(means)
  return {
    vms,
    hosts,
    turns: turnCpuMs.length - turnsSkipped,
    turnCpuMs: rounded(median, 3),
    vmCpuMicroseconds: rounded((median / vms) * 1e3, 3),
    byNLogN: rounded((median / (vms * Math.log2(vms))) * 1e6, 2),
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function show({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((value) => value.toFixed(digits)).join(' / ')
}
