/** `npm run bench:agent [-- --minutes 10] [--processes 150] [--quick]`: what the agent costs, beside prometheus-node-exporter and collectd on
 *  the same machine at the same time. The full form is kept in docs/results/agent.{json,md}; `--quick` runs all of it for seconds and keeps nothing;
 *  `--switches` prints what each switch of the engines brings, in three minutes, and keeps nothing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureAgents, type Measured, type MeasuredRow } from './agent/measure.ts'
import type { ProbeRounds } from './agent/probe-rounds.ts'
import { startSubjects } from './agent/subjects.ts'
import { measureVariants } from './agent/variants.ts'
import { PROBE_DEFAULTS } from '../src/drivers/guest/probes/settings.ts'
import { keepResults } from './keep-results.ts'
import { whyNoBpftrace } from './probes/tracing.ts'
import { commitName, runProgram } from './repository.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string', default: '150' },
    quick: { type: 'boolean', default: false },
    switches: { type: 'boolean', default: false },
  },
})
const seconds = options.quick ? 12 : Number(options.minutes) * 60
const whyNoProbes = whyNoBpftrace()
const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-agent-'))
try {
  if (options.switches) process.stdout.write(`${(await measureVariants(folder, 180)).join('\n')}\n`)
  else await benchmark()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function benchmark(): Promise<void> {
  const subjects = await startSubjects({
    folder,
    processes: Number(options.processes),
    vectorEvery: seconds < 600 ? '1min' : '5min',
    say: (what) => process.stderr.write(`... ${what}\n`),
  })
  try {
    // The first at once, then one after each period.
    const probeRounds = whyNoProbes === false ? Math.max(1, Math.floor((seconds * 1000) / PROBE_DEFAULTS.everyMs)) : 0
    const measured = await measureAgents(subjects, { seconds, warmUpSeconds: options.quick ? 3 : 60, probeRounds })
    report(measured)
  } finally {
    await subjects.stop()
  }
}

function report(measured: Measured): void {
  const origin = {
    commit: commitName(),
    committed: runProgram('git', ['log', '-1', '--format=%cs']).output.trim(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.versions.node,
    seconds,
    processes: measured.processes,
  }
  const page = [
    '# What the agent costs',
    '',
    `${measured.processes} processes, ${seconds} s after a warm-up, looks every 5 s, all at once on one machine.`,
    `Commit ${origin.commit} of ${origin.committed}, ${origin.cpu}. Again: \`npm run bench:agent\`.`,
    '',
    '| who | CPU of a core | waited-for children | RSS | anonymous | private | open files |',
    '|---|---|---|---|---|---|---|',
    ...measured.rows.map(showRow),
    ...measured.probes.map((probes) => showProbes(probes, measured.rows)),
    '',
    '"Anonymous" is what a process adds to the machine whoever else runs there; "private" counts the pages of a program file too where no other process',
    'has it open.',
    ...(whyNoProbes === false ? [] : [`Without the rows with eBPF: ${whyNoProbes}.`]),
    '',
    ...measured.probes.map(
      ({ name, rounds, cpuMsPerRound, way }) =>
        `- probe helper of ${name}: ${cpuMsPerRound.toFixed(0)} ms of CPU time a round, mean of ${rounds}, by ${way}`,
    ),
    ...measured.notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
  process.stdout.write(page)
  if (options.quick) return
  keepResults('agent', { ...origin, ...measured }, page)
}

function showRow(row: MeasuredRow): string {
  const memory = [row.residentBytes, row.anonymousBytes, row.privateBytes].map(mega)
  return `| ${[row.name, percent(row.cpuShare), percent(row.childrenShare), ...memory, row.openFiles].join(' | ')} |`
}

/** The agent and its helper together: between two rounds of the helper there is only the agent. */
function showProbes({ name, cpuShare }: ProbeRounds, rows: readonly MeasuredRow[]): string {
  const agent = rows.find((row) => row.name === name)
  const together = percent((agent?.cpuShare ?? Number.NaN) + (agent?.childrenShare ?? 0) + cpuShare)
  return `| ${name}, with eBPF: and its probe helper every ${PROBE_DEFAULTS.everyMs / 1000} s | ${together} | ${percent(cpuShare)} of it | | | | |`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`
}

function mega(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
