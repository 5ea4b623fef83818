/** The agent as a user starts it, on Node and as one executable, each joined to a server of its own over TLS. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
  lines(vm: string): readonly string[]
  stop(): Promise<void>
}

/** Builds them and starts them. `settings`: more lines of `agent.conf` of that VM. */
export async function startAgents(
  folder: string,
  settings: (vm: string) => readonly string[] = () => [],
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
  const configOf = (vm: string): string => {
    const home = join(folder, vm)
    mkdirSync(home)
    const token = createToken(server.store, { vm: parseVmId(vm), pin: server.authority.pin, at: Date.now() })
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
  const start = (name: string, vm: string, program: readonly string[]): void => {
    const config = configOf(vm)
    const words = [...program, '--config', config]
    const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
    if (child.pid !== undefined) list.push({ name, vm, pid: child.pid, child, program, config })
  }
  start('agent on Node', 'vm-node', [process.execPath, script])
  if (executable !== undefined) start('agent, one executable', 'vm-executable', [executable])
  return {
    list,
    lines: (vm) => server.store.lines(vm),
    async stop() {
      for (const { child } of list) child.kill('SIGKILL')
      await server.close()
    },
  }
}
