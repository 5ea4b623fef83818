/** `npm run bench [-- PATTERN...]`: the real sizes of every `*.bench.ts`, one file after the other, each in a process of its own. */
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { commitName, REPOSITORY, sourceFiles } from './repository.ts'

const patterns = process.argv.slice(2)
const files = sourceFiles(['src/**/*.bench.ts', 'tools/**/*.bench.ts']).filter(
  (file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)),
)
const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown CPU'}`
process.stdout.write(`commit ${commitName()}, Node ${process.versions.node}, ${machine}\n`)
if (files.length === 0) {
  process.stderr.write(`There is no benchmark with ${patterns.join(' or ') || 'any name'} in its path.\n`)
  process.exitCode = 1
}
for (const file of files) {
  process.stdout.write(`\n${file}\n`)
  const env = { ...process.env, ETHOS_BENCH: 'full' }
  const { status } = spawnSync(process.execPath, [file], { cwd: REPOSITORY, env, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
