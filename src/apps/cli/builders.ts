/** For tests: the command line as a user meets it, in a folder of its own. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const MAIN = join(import.meta.dirname, 'main.ts')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A temporary folder, and the command run in it. */
export class UserFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ethos-user-'))
  /** Keeps stripped sources between the processes of a test file, which start three times as fast. */
  private readonly cache = mkdtempSync(join(tmpdir(), 'ethos-cache-'))

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** Nothing of this process's environment reaches the command, but where programs are. */
  environment(rest: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: this.cache, ...rest }
  }

  run(
    words: readonly string[],
    options: { readonly node?: string; readonly env?: Record<string, string> } = {},
  ): Ended {
    return this.runProgram(options.node ?? process.execPath, [MAIN, ...words], options.env)
  }

  /** A line for the shell, in which `$ethos` is the command. */
  runShell(line: string): Ended {
    return this.runProgram('sh', ['-c', line], { ethos: `${process.execPath} ${MAIN}` })
  }

  remove(): void {
    for (const folder of [this.path, this.cache]) rmSync(folder, { recursive: true, force: true })
  }

  private runProgram(program: string, words: readonly string[], env: Record<string, string> = {}): Ended {
    const options = { cwd: this.path, env: this.environment(env), encoding: 'utf8', timeout: 60_000 } as const
    const { status, stdout, stderr, error } = spawnSync(program, words, options)
    if (error !== undefined) throw error
    return { code: status, stdout, stderr }
  }
}

export interface WaveRequest {
  readonly vms: number
  readonly steps: number
  /** Percent around which the waves swing. */
  readonly level?: number
  readonly swing?: number
}

/** A wide CSV: VM `vm-V` swings around its level by a wave of its own, with a spike now and then. No luck is in it. */
export function aWideTrace({ vms, steps, level = 35, swing = 25 }: WaveRequest): string {
  const rows = Array.from({ length: vms }, (_, v) => {
    const cells = Array.from({ length: steps }, (_, t) => {
      const wave = level + swing * Math.sin(t / (3 + (v % 5)) + v)
      const spike = (t * 7 + v * 13) % 29 === 0 ? 50 : 0
      return Math.max(0, wave + spike).toFixed(1)
    })
    return [`vm-${v}`, ...cells].join(',')
  })
  return `${rows.join('\n')}\n`
}
