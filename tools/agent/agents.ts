/** The agent as a user starts it, on Node and as one executable, each joined to a server of its own over TLS. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linesOf } from '../../src/apps/server/builders.ts'
import { createToken } from '../../src/apps/server/join-token.ts'
import { startServer } from '../../src/apps/server/server.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import { buildAgent } from '../build-agent.ts'

export interface StartedAgent {
  readonly name: string
  readonly vm: string
  readonly pid: number
  readonly child: ChildProcess
  /** The words that start it, and its settings. */
  readonly program: readonly string[]
  readonly config: string
}

export interface StartedAgents {
  readonly list: readonly StartedAgent[]
  /** Vectors of a VM that arrived, as they were on the wire. */
  lines(vm: string): Promise<readonly string[]>
  stop(): Promise<void>
}

/** One way to start the agent; `engine` words come before the script, so an executable takes none. */
export interface AgentVariant {
  readonly name: string
  readonly vm: string
  readonly on: 'node' | 'executable'
  readonly engine?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** As users start it. */
const AS_SHIPPED: readonly AgentVariant[] = [
  { name: 'agent on Node', vm: 'vm-node', on: 'node' },
  { name: 'agent, one executable', vm: 'vm-executable', on: 'executable' },
]

/** Builds them and starts them. `settings`: more lines of `agent.conf` of that VM. */
export async function startAgents(
  folder: string,
  settings: (vm: string) => readonly string[] = () => [],
  variants: readonly AgentVariant[] = AS_SHIPPED,
): Promise<StartedAgents> {
  const dataFolder = join(folder, 'server')
  const server = await startServer({
    dataFolder,
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    clock: { now: Date.now },
  })
  const { script, executable } = buildAgent({ folder: join(folder, 'build') })
  const configOf = async (vm: string): Promise<string> => {
    const home = join(folder, vm)
    mkdirSync(home)
    const { authority, store } = server
    const token = await createToken(store, { for: { vm: parseVmId(vm) }, pin: authority.pin, at: Date.now() })
    writeFileSync(join(home, 'token'), token)
    const lines = [
      `vm = ${vm}`,
      `server = https://127.0.0.1:${server.port}`,
      `token-file = ${home}/token`,
      `state = ${home}/state`,
      ...settings(vm),
    ]
    writeFileSync(join(home, 'agent.conf'), `${lines.join('\n')}\n`)
    return join(home, 'agent.conf')
  }
  const list: StartedAgent[] = []
  for (const { name, vm, on, engine = [], environment = {} } of variants) {
    const program = on === 'node' ? [process.execPath, ...engine, script] : executable
    if (program === undefined) continue
    const config = await configOf(vm)
    const [first, ...words] = [...[program].flat(), '--config', config]
    const child = spawn(first, words, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...environment },
    })
    if (child.pid !== undefined) list.push({ name, vm, pid: child.pid, child, program: [program].flat(), config })
  }
  return {
    list,
    lines: (vm) => linesOf(server.store, vm),
    async stop() {
      for (const { child } of list) child.kill('SIGKILL')
      await server.close()
    },
  }
}
