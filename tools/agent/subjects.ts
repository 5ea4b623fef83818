/** Who is measured: the agent on Node and as one executable, node_exporter and collectd beside them. Started together, each with its own state,
 *  and stopped together whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createToken } from '../../src/apps/server/join-token.ts'
import { startServer } from '../../src/apps/server/server.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import { buildAgent } from '../build-agent.ts'
import { countProcesses } from './process-use.ts'

export interface Subject {
  readonly name: string
  readonly pid: number
}

export interface Subjects {
  readonly list: readonly Subject[]
  /** Sentences about what was seen, to stand under the table. */
  notes(): readonly string[]
  stop(): Promise<void>
}

export interface SubjectsWanted {
  readonly folder: string
  /** Processes that the machine is filled up to. */
  readonly processes: number
  readonly vectorEvery: string
  readonly say: (what: string) => void
}

const EXPORTER = '/usr/bin/prometheus-node-exporter'
/** Of this process alone, so that two benchmarks at a time do not meet. */
const EXPORTER_PORT = 20_000 + (process.pid % 10_000)
const COLLECTD = '/usr/sbin/collectd'
const LOOK_SEC = 5
const COLLECTD_PLUGINS = ['cpu', 'memory', 'disk', 'interface', 'processes', 'load']

/** Starts all that is installed here. */
export async function startSubjects({ folder, processes, vectorEvery, say }: SubjectsWanted): Promise<Subjects> {
  const children: ChildProcess[] = []
  const list: Subject[] = []
  const start = (name: string | undefined, program: string, words: readonly string[]): void => {
    const child = spawn(program, words, { stdio: 'ignore' })
    children.push(child)
    if (name !== undefined && child.pid !== undefined) list.push({ name, pid: child.pid })
  }
  const server = await startServer({
    dataFolder: join(folder, 'server'),
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    clock: { now: Date.now },
  })
  say('building the agent')
  const { script, executable } = buildAgent({ folder: join(folder, 'build') })
  const settingsOf = (vm: string): string => {
    const home = join(folder, vm)
    mkdirSync(home)
    writeFileSync(
      join(home, 'token'),
      createToken(server.store, { vm: parseVmId(vm), pin: server.authority.pin, at: Date.now() }),
    )
    const path = join(home, 'agent.conf')
    const address = `https://127.0.0.1:${server.port}`
    writeFileSync(
      path,
      `vm = ${vm}\nserver = ${address}\ntoken-file = ${home}/token\nstate = ${home}/state\nvector-every = ${vectorEvery}\n`,
    )
    return path
  }
  start('agent on Node', process.execPath, [script, '--config', settingsOf('vm-node')])
  if (executable !== undefined) start('agent, one executable', executable, ['--config', settingsOf('vm-executable')])
  const missing = startPeers(start, folder)
  const scraping = new AbortController()
  if (existsSync(EXPORTER)) void scrape(scraping.signal)
  for (let count = countProcesses(); count < processes; count++) start(undefined, '/bin/sleep', ['100000'])
  return {
    list,
    notes: () => [
      ...missing,
      ...['vm-node', 'vm-executable'].map((vm) => {
        const lines = server.store.lines(vm)
        return `${vm}: ${lines.length} vectors arrived; the longest line has ${Math.max(0, ...lines.map((line) => line.length))} bytes`
      }),
    ],
    async stop() {
      scraping.abort()
      for (const child of children) child.kill('SIGKILL')
      await server.close()
    },
  }
}

function startPeers(
  start: (name: string, program: string, words: readonly string[]) => void,
  folder: string,
): readonly string[] {
  const missing: string[] = []
  if (existsSync(EXPORTER))
    start(`node_exporter, scraped every ${LOOK_SEC} s`, EXPORTER, [`--web.listen-address=127.0.0.1:${EXPORTER_PORT}`])
  else missing.push('not installed: prometheus-node-exporter')
  if (!existsSync(COLLECTD)) return [...missing, 'not installed: collectd']
  const settings = join(folder, 'collectd.conf')
  const plugins = ['csv', ...COLLECTD_PLUGINS].map((name) => `LoadPlugin ${name}`).join('\n')
  const csv = `<Plugin csv>\nDataDir "${folder}/collectd"\n</Plugin>`
  writeFileSync(
    settings,
    `Hostname "bench"\nBaseDir "${folder}"\nPIDFile "${folder}/collectd.pid"\nInterval ${LOOK_SEC}\n${plugins}\n${csv}\n`,
  )
  start(`collectd, every ${LOOK_SEC} s`, COLLECTD, ['-f', '-C', settings])
  return missing
}

async function scrape(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(LOOK_SEC * 1000)
    await fetch(`http://127.0.0.1:${EXPORTER_PORT}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    )
  }
}
