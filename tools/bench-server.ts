/** `npm run bench:server [-- NAME...] [--small]`: what the server can do, section by section (tools/bench-server/*.ts; all of them unless named), beside
 *  the goal of each number. `--small` goes through all of it in seconds, and its numbers mean nothing. Ends with 1 where a goal was missed. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ServerSection } from './bench-server/section.ts'
import { showMeasured } from './bench-server/section.ts'
import { REPOSITORY } from './repository.ts'

const { values: options, positionals: wanted } = parseArgs({
  options: { small: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const FOLDER = join(REPOSITORY, 'tools', 'bench-server')

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
  process.stdout.write(`\n## ${name}\n${summary}\n\n`)
  const measured = await run({ isSmall: options.small, say: (what) => void process.stderr.write(`... ${what}\n`) })
  process.stdout.write(`${showMeasured(measured)}\n`)
  if (!options.small && measured.some(({ isMet }) => isMet === false)) process.exitCode = 1
}
