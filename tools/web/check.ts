/** `npm run check:web`: the types of the dashboard's components, under TypeScript 6, for svelte-check asks a programming interface that 7 has not. */
import { join } from 'node:path'
import { REPOSITORY, runProgram } from '../repository.ts'

/** What svelte-check says of all of `web`. */
export function checkWeb(): { readonly isSuccess: boolean; readonly output: string } {
  const hook = join(REPOSITORY, 'tools', 'web', 'typescript6.mjs')
  const program = join(REPOSITORY, 'node_modules', 'svelte-check', 'bin', 'svelte-check')
  const words = ['--workspace', join(REPOSITORY, 'web'), '--tsconfig', join(REPOSITORY, 'web', 'tsconfig.svelte.json')]
  return runProgram(process.execPath, ['--import', hook, program, ...words, '--output', 'human', '--fail-on-warnings'])
}

if (import.meta.main) {
  const { isSuccess, output } = checkWeb()
  process.stdout.write(output)
  if (!isSuccess) process.exitCode = 1
}
