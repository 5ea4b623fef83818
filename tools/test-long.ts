/** `npm run test:long -- NAME [--seed N]`: runs one long test; what it measured goes to docs/results/NAME.json. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { LongResult, LongTest } from './long-test.ts'
import { commitName, REPOSITORY, sourceFiles } from './repository.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
})
const [name] = positionals
const seed = Number(options.seed)
const path = join(REPOSITORY, 'tools', 'long', `${name}.ts`)
if (name === undefined || !existsSync(path) || !Number.isSafeInteger(seed)) {
  const names = sourceFiles(['tools/long/*.ts']).map((file) => `  ${basename(file, '.ts')}`)
  process.stderr.write(`Usage: npm run test:long -- NAME [--seed N]. Long tests are:\n${names.join('\n')}\n`)
  process.exitCode = 2
} else {
  const { longTest } = (await import(pathToFileURL(path).href)) as { longTest: LongTest }
  const commit = commitName()
  process.stdout.write(`${longTest.summary} seed=${seed} commit=${commit}\n`)
  keep(await runLongTest({ name, commit, seed }, longTest))
}

/** A test that throws ends the program with its error, and keeps nothing. */
async function runLongTest(
  origin: Pick<LongResult, 'name' | 'commit' | 'seed'>,
  { summary, run }: LongTest,
): Promise<LongResult> {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const figures = await run(origin.seed)
  const { user, system } = process.cpuUsage(before)
  return {
    ...origin,
    summary,
    node: process.versions.node,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpuSeconds: Math.round((user + system) / 1e4) / 100,
    wallSeconds: Math.round((performance.now() - startedAt) / 10) / 100,
    figures,
  }
}

function keep(result: LongResult): void {
  const folder = join(REPOSITORY, 'docs', 'results')
  mkdirSync(folder, { recursive: true })
  const text = `${JSON.stringify(result, null, 2)}\n`
  writeFileSync(join(folder, `${result.name}.json`), text)
  process.stdout.write(`${text}kept in docs/results/${result.name}.json\n`)
}
