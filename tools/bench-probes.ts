/** `npm run bench:probes [-- --rounds 3] [--smoke]`: what the probes cost a program that calls all the time: while they are attached, at the default
 *  duty cycle, and afterwards; what the probe helper itself uses; and whether the errors told are honest. Six minutes. The full form is kept
 *  in docs/results/probes.{json,md}; `--smoke` runs some of each for half a minute, prints the figures and keeps nothing. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { keepResults } from './keep-results.ts'
import { pinned, whyNoLoad } from './probes/load.ts'
import { measureProbes } from './probes/measure.ts'
import { costsAsText } from './probes/page.ts'
import { whereTracefsIs, whyNoTracing } from './probes/tracing.ts'
import { commitName, runProgram } from './repository.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    smoke: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
  },
})
const why = whyNoTracing() || whyNoLoad()
if (why !== false) {
  process.stderr.write(`The cost of the probes can not be measured here: ${why}\n`)
  process.exitCode = 1
} else if (options.inside) await measureHere()
else {
  // Once more where tracefs is, and off the processor of the load.
  const command = [...pinned('others'), process.execPath, ...process.argv.slice(1), '--inside']
  const [program, ...words] = whereTracefsIs(command)
  process.exitCode = spawnSync(program, words, { stdio: 'inherit' }).status ?? 1
}

async function measureHere(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-probes-'))
  const startMs = performance.now()
  try {
    const costs = await measureProbes({
      folder,
      rounds: options.smoke ? 1 : Number(options.rounds),
      isSmoke: options.smoke,
      say: (what) =>
        process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${what}\n`),
    })
    if (options.smoke) process.stdout.write(`${JSON.stringify(costs)}\n`)
    else keep(costs)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function keep(costs: Awaited<ReturnType<typeof measureProbes>>): void {
  const origin = {
    commit: commitName(),
    committed: runProgram('git', ['log', '-1', '--format=%cs']).output.trim(),
    cpu: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    kernel: release(),
    node: process.versions.node,
  }
  const page = [
    '# What the probes cost',
    '',
    `Linux ${origin.kernel}, ${origin.processors} processors of ${origin.cpu}; commit ${origin.commit} of ${origin.committed}.`,
    `Medians of ${costs.rounds} rounds, one thread that calls all the time, alone on its processor.`,
    'Again: `npm run bench:probes`. The helper as its unit runs it: user 0 with two capabilities. Others worked on the machine: what is of CPU time bears',
    'with that, what is by the wall does not.',
    '',
    costsAsText(costs),
  ].join('\n')
  process.stdout.write(page)
  keepResults('probes', { ...origin, ...costs }, page)
}
