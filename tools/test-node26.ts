/** `npm run test:node26 [-- PATTERN...]`: the same tests on Node 26, which is installed first where it is missing. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { installNode26 } from './node26.ts'
import { REPOSITORY } from './repository.ts'

const node = installNode26()
if (node === undefined) {
  process.stderr.write(
    'There is no Node 26 for this machine. Is the registry reachable, and is this Linux on x64 or arm64?\n',
  )
  process.exitCode = 1
} else {
  const words = [join(REPOSITORY, 'tools', 'test.ts'), '--only-tests', ...process.argv.slice(2)]
  process.exitCode = spawnSync(node, words, { cwd: REPOSITORY, stdio: 'inherit' }).status ?? 1
}
