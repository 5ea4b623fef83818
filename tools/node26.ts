import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, runProgram } from './repository.ts'

const HOME = join(REPOSITORY, 'build', 'node26')

/** Node 26 of this clone, or undefined where nobody has installed it yet: `npm run test:node26` does. */
export function node26Path(): string | undefined {
  const path = join(HOME, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  return existsSync(path) ? path : undefined
}

/** Installs Node 26 in a folder of its own. As a dependency of the project it would take over `node_modules/.bin/node`: we tried.
 *  The lock file beside `tools/node26/package.json` fixes its version and checksum. */
export function installNode26(): string | undefined {
  const installed = node26Path()
  if (installed !== undefined) return installed
  mkdirSync(HOME, { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(REPOSITORY, 'tools', 'node26', name), join(HOME, name))
  }
  const { isSuccess, output } = runProgram('npm', ['ci', '--no-audit', '--no-fund'], HOME)
  if (!isSuccess) process.stderr.write(`Node 26 could not be installed:\n${output}`)
  return node26Path()
}
