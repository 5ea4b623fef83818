/** `npm run bench:probes [-- --rounds 5] [--quick]`: what the probes cost a program that calls all the time: while they are attached, at the
 *  default duty cycle, and afterwards; and what the probe helper itself uses. The full form is kept in docs/results/probes.{json,md}. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureProbes, type ProbeCosts } from './probes/measure.ts'
import { commitName, REPOSITORY, runProgram } from './repository.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-probes-'))
try {
  const costs = await measureProbes({
    folder,
    rounds: options.quick ? 1 : Number(options.rounds),
    say: (what) => process.stderr.write(`... ${what}\n`),
  })
  report(costs)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function report(costs: ProbeCosts): void {
  const origin = {
    commit: commitName(),
    committed: runProgram('git', ['log', '-1', '--format=%cs']).output.trim(),
    cpu: cpus()[0]?.model ?? 'unknown',
    kernel: release(),
    node: process.versions.node,
  }
  const page = [
    '# What the probes cost',
    '',
    `Linux ${origin.kernel}, ${origin.cpu}; commit ${origin.commit} of ${origin.committed}; medians of ${costs.rounds} rounds.`,
    'Again: `npm run bench:probes`.',
    'CPU time of one thread that does little else than call, told every tenth of a second; the helper as its unit runs it, user 0 with two capabilities.',
    '',
    '## While attached: what always-on would cost',
    '',
    '| what | off, ns per turn of the program | on | slower by |',
    '|---|---|---|---|',
    ...costs.attached.map(
      ({ name, offNs, onNs }) =>
        `| ${name} | ${offNs.toFixed(0)} | ${onNs.toFixed(0)} | ${percent(onNs / offNs - 1)} |`,
    ),
    '',
    `## At the default duty cycle: one round per ${costs.periodMs / 1000} s`,
    '',
    '| program, way | lost per round, ms | slower by | afterwards against before | CPU of the helper per round, ms | of a core |',
    '|---|---|---|---|---|---|',
    ...costs.cycles.map((row) =>
      [row.name, row.lostMs.toFixed(0), percent(row.slower), percent(row.afterwards), row.helperCpuMs.toFixed(0)]
        .concat(percent(row.helperCpuMs / costs.periodMs))
        .reduce((text, cell) => `${text} ${cell} |`, '|'),
    ),
    '',
    'Between two rounds, and with the probes off, nothing is attached and nothing runs: no cost. "Afterwards" is the check of that, give or take the',
    `noise of the machine. Left in tracefs at the end: ${costs.left.length === 0 ? 'nothing' : costs.left.join(', ')}.`,
    '',
  ].join('\n')
  process.stdout.write(page)
  if (options.quick) return
  const results = join(REPOSITORY, 'docs', 'results')
  mkdirSync(results, { recursive: true })
  writeFileSync(join(results, 'probes.json'), `${JSON.stringify({ ...origin, ...costs }, undefined, 2)}\n`)
  writeFileSync(join(results, 'probes.md'), page)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}
