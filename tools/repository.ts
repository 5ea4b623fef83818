import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

/** The clone this file stands in. */
export const REPOSITORY = join(import.meta.dirname, '..')

/** The commit that is checked out; `+changes` where the working tree differs from it. */
export function commitName(): string {
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD')
    return git('status', '--porcelain') === '' ? commit : `${commit}+changes`
  } catch {
    return 'unknown'
  }
}

function git(...words: readonly string[]): string {
  return execFileSync('git', words, { cwd: REPOSITORY, encoding: 'utf8' }).trim()
}

/** Paths within the repository, forward slashes, sorted. */
export function sourceFiles(patterns: readonly string[], root = REPOSITORY): readonly string[] {
  return globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**'] })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

export interface Finished {
  readonly isSuccess: boolean
  readonly output: string
}

/** Runs a program to its end and keeps what it said, standard error included. `node_modules/.bin` comes first in the path. */
export function runProgram(program: string, words: readonly string[], directory = REPOSITORY): Finished {
  const ended = spawnSync(program, [...words], {
    cwd: directory,
    encoding: 'utf8',
    env: withOwnPrograms(),
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  if (ended.error !== undefined) return { isSuccess: false, output: `${program}: ${ended.error.message}\n` }
  return { isSuccess: ended.status === 0, output: ended.stdout + ended.stderr }
}

/** The same, beside others: it never rejects. */
export function startProgram(program: string, words: readonly string[], directory = REPOSITORY): Promise<Finished> {
  const options = { cwd: directory, env: withOwnPrograms(), maxBuffer: OUTPUT_BYTES_MAX }
  return new Promise((resolve) => {
    execFile(program, [...words], options, (error, stdout, stderr) => {
      const why = error !== null && stdout + stderr === '' ? `${program}: ${error.message}\n` : ''
      resolve({ isSuccess: error === null, output: stdout + stderr + why })
    })
  })
}

function withOwnPrograms(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(REPOSITORY, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` }
}
