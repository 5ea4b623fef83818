/** `npm run build:web`: the dashboard, from `web` into `dist/web`, where `ethos serve` finds it. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runProgram, sourceFiles } from './repository.ts'

/** What the page is made of. Its types come from `src/apps/server/views`, and leave nothing behind. */
const SOURCES = ['web/**/*', 'src/terms/*.ts', 'package-lock.json']
const STAMP = join(REPOSITORY, 'dist', 'web', '.built-from')

export type Built =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly output: string }

/** Builds the page where what it is made of has changed since, or where it was never built.
 *  @param onBuild is told before it takes its seconds */
export function buildWebIfStale(onBuild: () => void = () => undefined): Built {
  const digest = digestOfSources()
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return { kind: 'fresh' }
  onBuild()
  const { isSuccess, output } = runProgram('vite', [
    'build',
    '--config',
    join('web', 'vite.config.ts'),
    '--logLevel',
    'warn',
  ])
  if (!isSuccess) return { kind: 'failed', output }
  writeFileSync(STAMP, digest)
  return { kind: 'built' }
}

function digestOfSources(): string {
  const hash = createHash('sha256')
  for (const path of sourceFiles(SOURCES)) {
    const file = join(REPOSITORY, path)
    hash.update(path).update('\0').update(readIfFile(file)).update('\0')
  }
  return hash.digest('hex')
}

function readIfFile(file: string): Buffer | string {
  try {
    return readFileSync(file)
  } catch {
    // A folder.
    return ''
  }
}

if (import.meta.main) {
  const built = buildWebIfStale()
  process.stdout.write(`dist/web: ${built.kind}\n`)
  if (built.kind === 'failed') {
    process.stderr.write(built.output)
    process.exitCode = 1
  }
}
