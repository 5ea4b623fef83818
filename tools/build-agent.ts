/** `node tools/build-agent.ts [--no-executable]`: the agent as one JavaScript file without dependencies, and as one executable that needs no
 *  Node. Both into `build/agent`. Prints what was made. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { arch } from 'node:os'
import { join } from 'node:path'
import { builtinModules } from 'node:module'
import { buildSync } from 'esbuild'
import { REPOSITORY } from './repository.ts'

/** What the build gives. */
export interface AgentBuild {
  readonly script: string
  /** Missing where there is no Bun for this processor. */
  readonly executable?: string
}

const ENTRY = join(REPOSITORY, 'src', 'apps', 'agent', 'entry.ts')
const FOLDER = join(REPOSITORY, 'build', 'agent')
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'bun-linux-x64', arm64: 'bun-linux-aarch64' }

/** Bundles the agent. Throws when the bundle needs anything that Node does not bring along. */
export function buildAgent({ withExecutable = true, folder = FOLDER } = {}): AgentBuild {
  mkdirSync(folder, { recursive: true })
  const script = join(folder, 'ethos-agent.cjs')
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }
  const { metafile } = buildSync({
    entryPoints: [ENTRY],
    outfile: script,
    bundle: true,
    minify: true,
    // As a module, Node would fill in every name that its own modules export: HTTP/2, WebSocket, WebCrypto, the readline editor are loaded by that.
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    metafile: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    define: { ETHOS_VERSION: JSON.stringify(version) },
  })
  refuseDependencies(
    metafile.inputs,
    Object.values(metafile.outputs).flatMap((output) => output.imports),
  )
  if (!withExecutable) return { script }
  const executable = compile(script, folder)
  return executable === undefined ? { script } : { script, executable }
}

function refuseDependencies(inputs: object, imports: readonly { readonly path: string }[]): void {
  const packages = Object.keys(inputs).filter((path) => path.includes('node_modules'))
  const strangers = imports
    .map(({ path }) => path)
    .filter((path) => !builtinModules.includes(path.replace('node:', '')))
  const wrong = [...packages, ...strangers]
  if (wrong.length > 0) throw new Error(`the agent may need nothing beside Node, but it imports ${wrong.join(', ')}`)
}

/** Bun, where there is one for this processor. */
export function bunPath(): string | undefined {
  const path = join(REPOSITORY, 'node_modules', '@oven', PROCESSORS[arch()] ?? 'none', 'bin', 'bun')
  return existsSync(path) ? path : undefined
}

/** Bun's compiler writes its own engine and the script into one file. It is newer than what it replaces, never half written. */
function compile(script: string, folder: string): string | undefined {
  const bun = bunPath()
  if (bun === undefined) return undefined
  const executable = join(folder, 'ethos-agent')
  rmSync(executable, { force: true })
  // The banner is Node's; Bun reads the file without it.
  const plain = join(folder, 'ethos-agent-bun.cjs')
  writeFileSync(plain, readFileSync(script, 'utf8').replace(/^#!.*\n/, ''))
  const words = ['build', '--compile', '--minify', `--outfile=${executable}`, plain]
  const { status, stderr } = spawnSync(bun, words, { encoding: 'utf8', cwd: folder })
  if (status !== 0) throw new Error(`bun ${words.join(' ')} failed: ${stderr}`)
  rmSync(plain)
  return executable
}

if (import.meta.main) {
  const build = buildAgent({ withExecutable: !process.argv.includes('--no-executable') })
  for (const path of [build.script, build.executable]) {
    if (path !== undefined) process.stdout.write(`${path}  ${(statSync(path).size / 1e6).toFixed(2)} MB\n`)
  }
}
