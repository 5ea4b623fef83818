/** `npm test [-- PATTERN...] [--seed N]`: types, lint, format, the dashboard's components and its build, then every test whose path contains a
 *  pattern; counts at the end. Each check counts as one test. Where `CI` is set, a test may be skipped only for want of data that nobody may pass on. */
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { installComponents } from './debian-packages.ts'
import { installNode26 } from './node26.ts'
import { sourceFiles, startProgram } from './repository.ts'
import { closingLines, exitCodeOf, type Tally } from './tally.ts'

const CHECKS = [
  { name: 'types', program: 'tsc', words: ['-b'] },
  { name: 'lint', program: 'oxlint', words: ['--type-aware', '--deny-warnings'] },
  { name: 'format', program: 'biome', words: ['format', '.'] },
  { name: 'components', program: process.execPath, words: ['tools/web/check.ts'] },
  { name: 'page', program: process.execPath, words: ['tools/build-web.ts'] },
] as const

const TEST_FILES = ['src/**/*.{test,bench}.ts', 'tools/**/*.{test,bench}.ts', 'web/src/**/*.test.ts']
/** Hosts and guests of the testbed: each file alone, after the others, for guests that nobody emulates in hardware are slow. */
const LIVE_FILES = ['tools/**/*.live.ts']
/** The same, where what is shown hangs on each host having the CPU that it is promised: only when asked for by name, on a machine without other work. */
const QUIET_FILES = ['tools/**/*.quiet.ts']
const FILE_MS_MAX = 300_000
const LIVE_FILE_MS_MAX = 1_200_000

const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { 'only-tests': { type: 'boolean', default: false }, seed: { type: 'string' } },
})
if (options.seed !== undefined) process.env['ETHOS_SEED'] = options.seed
const isCi = ['true', '1'].includes(process.env['CI'] ?? '')

let ran = 0
const tally: Tally = { passed: 0, failed: [], skipped: [] }
for (const line of installComponents()) process.stdout.write(`${line}\n`)
if (isCi) installNode26()
if (!options['only-tests']) await runChecks()
await runTests(TEST_FILES, { concurrency: availableParallelism(), timeout: FILE_MS_MAX })
await runTests(LIVE_FILES, { concurrency: 1, timeout: LIVE_FILE_MS_MAX })
if (patterns.length > 0) await runTests(QUIET_FILES, { concurrency: 1, timeout: LIVE_FILE_MS_MAX })
else
  process.stdout.write(
    `\nNot run, for they need a machine without other work: ${sourceFiles(QUIET_FILES).join(', ')}\n`,
  )
if (ran === 0) tally.failed.push(`no test file has ${patterns.join(' or ')} in its path`)
process.stdout.write(closingLines(tally, isCi).join('\n'))
process.exitCode = exitCodeOf(tally, isCi)

/** Side by side, told in their order. */
async function runChecks(): Promise<void> {
  const running = CHECKS.map((check) => ({ ...check, ended: startProgram(check.program, check.words) }))
  for (const { name, program, words, ended } of running) {
    heading(`${name}: ${program} ${words.join(' ')}`)
    const { isSuccess, output } = await ended
    if (isSuccess) tally.passed++
    else tally.failed.push(`${name}: ${program} ${words.join(' ')}`)
    process.stdout.write(isSuccess ? 'good\n' : output)
  }
}

async function runTests(
  globs: readonly string[],
  limits: { readonly concurrency: number; readonly timeout: number },
): Promise<void> {
  const files = sourceFiles(globs).filter(isWanted)
  ran += files.length
  if (files.length === 0) return
  heading(`tests: ${files.length} files on Node ${process.versions.node}`)
  const events = run({ files: [...files], ...limits })
  events.on('test:pass', ({ name, skip, todo, details, file }) => {
    if (details.type === 'suite') return
    if (skip !== undefined && skip !== false) tally.skipped.push({ name, reason: typeof skip === 'string' ? skip : '' })
    else if (todo === undefined || todo === false) tally.passed++
    else tally.failed.push(`${name} (${file}): a test marked todo is not a test yet`)
  })
  events.on('test:fail', ({ name, details, file }) => {
    if (details.type !== 'suite') tally.failed.push(`${name} (${file})`)
  })
  const report = events.compose(new spec())
  for await (const chunk of report) process.stdout.write(chunk)
}

function heading(text: string): void {
  process.stdout.write(`\n── ${text} ${'─'.repeat(Math.max(0, 100 - text.length))}\n`)
}

function isWanted(file: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => file.includes(pattern))
}
