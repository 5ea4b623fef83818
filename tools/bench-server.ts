/** `npm run bench:server [-- NAME...] [--small]`: what the server can do, section by section (tools/bench-server/*.ts; all of them unless
 *  named), beside the goal of each number, kept in docs/results/server.json. `--small` goes through all of it in seconds; its numbers mean
 *  nothing and are not kept. Ends with 1 where a goal was missed. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MeasuredNumber, ServerSection } from './bench-server/section.ts'
import { showMeasured } from './bench-server/section.ts'
import { commitName, REPOSITORY } from './repository.ts'

const { values: options, positionals: wanted } = parseArgs({
  options: { small: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const FOLDER = join(REPOSITORY, 'tools', 'bench-server')
const RESULTS = join(REPOSITORY, 'docs', 'results', 'server.json')

const sections: ServerSection[] = []
for (const file of readdirSync(FOLDER).toSorted()) {
  const { section } = (await import(join(FOLDER, file))) as { section?: ServerSection }
  if (section !== undefined && (wanted.length === 0 || wanted.includes(section.name))) sections.push(section)
}
if (sections.length === 0) {
  process.stderr.write(`No section is called ${wanted.join(' or ')}.\n`)
  process.exitCode = 2
}
for (const { name, summary, run } of sections) {
  const busy = loadavg()[0]
  process.stdout.write(`\n## ${name}\n${summary}\n\n`)
  const measured = await run({ isSmall: options.small, say: (what) => void process.stderr.write(`... ${what}\n`) })
  process.stdout.write(`${showMeasured(measured)}\n`)
  if (!options.small) keep(name, measured, busy)
  if (!options.small && measured.some(({ isMet }) => isMet === false)) process.exitCode = 1
}

/** Beside what other sections found out. @param busy tasks that wanted a CPU in the minute before */
function keep(name: string, measured: readonly MeasuredNumber[], busy: number): void {
  const before = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, unknown>) : {}
  const cpu = cpus()[0]?.model ?? 'unknown'
  const found = {
    commit: commitName(),
    at: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cpu,
    cores: cpus().length,
    busyBefore: Number(busy.toFixed(1)),
    measured,
  }
  const all = Object.entries({ ...before, [name]: found }).toSorted(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(RESULTS, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`)
}
