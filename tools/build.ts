/** `npm run build`: JavaScript in `dist`, which is what a package holds. `npm pack` does it first. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildWebIfStale } from './build-web.ts'
import { REPOSITORY, runProgram } from './repository.ts'

/** Read at run time, as they are. */
const READ_AS_THEY_ARE = [join('apps', 'report', 'browser')]

const dist = join(REPOSITORY, 'dist')
// The page stays: it is built where it is stale, and a server may be reading it.
for (const name of existsSync(dist) ? readdirSync(dist) : [])
  if (name !== 'web') rmSync(join(dist, name), { recursive: true, force: true })
// The second gives types to those who import `ethos/libvirt`.
for (const project of ['tsconfig.build.json', 'tsconfig.libvirt.json']) {
  const { isSuccess, output } = runProgram('tsc', ['-p', project])
  process.stderr.write(output)
  if (!isSuccess) process.exitCode = 1
}
for (const path of READ_AS_THEY_ARE) {
  cpSync(join(REPOSITORY, 'src', path), join(dist, path), { recursive: true, filter: isRead })
}

const page = buildWebIfStale()
if (page.kind === 'failed') {
  process.stderr.write(page.output)
  process.exitCode = 1
}

function isRead(path: string): boolean {
  return !path.endsWith('.json')
}
