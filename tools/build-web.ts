/** `npm run build:web`: the dashboard, from `web` into `dist/web`, where `ethos serve` finds it. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runProgram, sourceFiles } from './repository.ts'
import { packPage } from './web/pack-page.ts'
import { PAGE_BUILT, pageSizes, sizesText } from './web/page-sizes.ts'

/** What the page is made of. Its types come from `src/apps/server/views`, and leave nothing behind. */
const SOURCES = ['web/**/*', 'src/terms/*.ts', 'package-lock.json', 'tools/build-web.ts', 'tools/web/pack-page.ts']
const STAMP = join(PAGE_BUILT, '.built-from')

export type Built =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'built'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly output: string }

/** Builds the page where what it is made of has changed since, or where it was never built.
 *  @param onBuild is told before it takes its seconds
 *  @param isForced builds it in any case */
export function buildWebIfStale(onBuild: () => void = () => undefined, isForced = false): Built {
  const begin = performance.now()
  const digest = digestOfSources()
  if (!isForced && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return { kind: 'fresh' }
  onBuild()
  const { isSuccess, output } = runProgram('vite', [
    'build',
    '--config',
    join('web', 'vite.config.ts'),
    '--logLevel',
    'warn',
  ])
  if (!isSuccess) return { kind: 'failed', output }
  packPage(PAGE_BUILT)
  writeFileSync(STAMP, digest)
  return { kind: 'built', seconds: (performance.now() - begin) / 1000 }
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
  if (built.kind === 'failed') {
    process.stdout.write('dist/web: failed\n')
    process.stderr.write(built.output)
    process.exitCode = 1
  } else {
    const how = built.kind === 'built' ? `built in ${built.seconds.toFixed(1)} s` : 'fresh, nothing was built'
    process.stdout.write(`dist/web: ${how}\n${sizesText(pageSizes())}`)
  }
}
