/** `npm run bench:backtest [-- --data DIR] [--quick]`: how good our policy is, how near CloudSim's own numbers we come, and what it costs.
 *  The full form is kept in docs/results/backtest.{json,md}; `--quick`, or want of PlanetLab's days, runs all of it on a small
 *  generated trace and keeps nothing. Ends with 1 where the simulator and the evaluator disagree; a missed goal is only said. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { ParseError } from '../src/terms/parse.ts'
import { measureGrowth, measureProcesses } from './backtest/costs.ts'
import { type Material, withMaterial } from './backtest/material.ts'
import { measureReproduction } from './backtest/reproduction.ts'
import { compareAll, measureBar, measureDays } from './backtest/scoreboards.ts'
import type { MakeSection, Section } from './backtest/section.ts'
import { keepResults } from './keep-results.ts'
import { commitName, runProgram } from './repository.ts'

const SECTIONS: Readonly<Record<string, MakeSection>> = {
  bar: measureBar,
  days: measureDays,
  reproduction: measureReproduction,
  likeForLike: compareAll,
  processes: measureProcesses,
  growth: measureGrowth,
}
const SEED = 1

const { values: options } = parseArgs({
  options: { data: { type: 'string' }, quick: { type: 'boolean', default: false } },
})
const request = { isQuick: options.quick, ...(options.data === undefined ? {} : { data: options.data }) }
try {
  await withMaterial(request, (why) => process.stderr.write(`${why}\nA small generated trace instead.\n`), benchmark)
} catch (error) {
  if (!(error instanceof ParseError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}

async function benchmark(material: Material): Promise<void> {
  const origin = {
    commit: commitName(),
    committed: runProgram('git', ['log', '-1', '--format=%cs']).output.trim(),
    seed: SEED,
    node: process.versions.node,
    cpu: cpus()[0]?.model ?? 'unknown',
  }
  const pages = [`# Backtest benchmark\n\n${describe(origin, material)}`]
  process.stdout.write(`${pages[0]}\n`)
  const figures: Record<string, unknown> = {}
  for (const [name, make] of Object.entries(SECTIONS)) {
    const section = await make(material, (what) => process.stderr.write(`... ${what}\n`))
    if (!section.isSound) process.exitCode = 1
    figures[name] = section.figures
    pages.push(showSection(section))
    process.stdout.write(`\n${showSection(section)}\n`)
  }
  if (!material.isQuick) keepResults('backtest', { ...origin, ...figures }, `${pages.join('\n\n')}\n`)
}

function describe(
  { commit, committed, node, cpu }: { commit: string; committed: string; node: string; cpu: string },
  { isQuick, days }: Material,
): string {
  const what = isQuick ? 'A small generated trace' : `PlanetLab ${days.map(({ name }) => name).join(', ')}`
  return `${what}; commit ${commit} of ${committed}, seed ${SEED}, Node ${node}, ${cpu}. Again: \`npm run bench:backtest\`.`
}

function showSection({ title, text }: Section): string {
  return `## ${title}\n\n${text}`
}
