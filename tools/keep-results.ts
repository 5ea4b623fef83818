/** Where what a benchmark measured in its full form is kept: docs/results. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runProgram } from './repository.ts'

/** Writes figures as NAME.json, formatted as `npm test` wants it, and the page of them as NAME.md; says so on standard output. */
export function keepResults(name: string, figures: object, page: string): void {
  const folder = join(REPOSITORY, 'docs', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(figures, undefined, 2)}\n`)
  writeFileSync(join(folder, `${name}.md`), page)
  runProgram('biome', ['format', '--write', join(folder, `${name}.json`)])
  process.stdout.write(`\nKept in docs/results/${name}.json and ${name}.md.\n`)
}
