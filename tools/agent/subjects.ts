/** Who is measured: the agent on Node and as one executable, node_exporter and collectd beside them. Started together, each with its own state,
 *  and stopped together whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StartedAgent, startAgents } from './agents.ts'
import { countProcesses } from './process-use.ts'

export interface Subject {
  readonly name: string
  readonly pid: number
}

export interface Subjects {
  readonly list: readonly Subject[]
  readonly agents: readonly StartedAgent[]
  /** Sentences about what was seen, to stand under the table. */
  notes(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface SubjectsWanted {
  readonly folder: string
  /** Processes that the machine is filled up to. */
  readonly processes: number
  readonly vectorEvery: string
  /** More lines of the section `probes`. */
  readonly probes?: readonly string[]
  readonly say: (what: string) => void
}

const EXPORTER = '/usr/bin/prometheus-node-exporter'
/** Of this process alone, so that two benchmarks at a time do not meet. */
const EXPORTER_PORT = 20_000 + (process.pid % 10_000)
const COLLECTD = '/usr/sbin/collectd'
const LOOK_SEC = 5
const COLLECTD_PLUGINS = ['cpu', 'memory', 'disk', 'interface', 'processes', 'load']

/** Starts all that is installed here. */
export async function startSubjects(wanted: SubjectsWanted): Promise<Subjects> {
  const { folder, processes, vectorEvery, probes = [], say } = wanted
  const children: ChildProcess[] = []
  const list: Subject[] = []
  const start = (name: string | undefined, program: string, words: readonly string[]): void => {
    const child = spawn(program, words, { stdio: 'ignore' })
    children.push(child)
    if (name !== undefined && child.pid !== undefined) list.push({ name, pid: child.pid })
  }
  say('building the agent')
  const agents = await startAgents(folder, (vm) => [
    `vector-every = ${vectorEvery}`,
    '[probes]',
    `result-file = ${folder}/${vm}/probes.json`,
    ...probes,
  ])
  list.push(...agents.list)
  const missing = startPeers(start, folder)
  const scraping = new AbortController()
  if (existsSync(EXPORTER)) void scrape(scraping.signal)
  for (let count = countProcesses(); count < processes; count++) start(undefined, '/bin/sleep', ['100000'])
  return {
    list,
    agents: agents.list,
    notes: async () => {
      const arrived = agents.list.map(async ({ vm }) => {
        const lines = await agents.lines(vm)
        return `${vm}: ${lines.length} vectors arrived; the longest line has ${Math.max(0, ...lines.map((line) => line.length))} bytes`
      })
      return [...missing, ...(await Promise.all(arrived))]
    },
    async stop() {
      scraping.abort()
      for (const child of children) child.kill('SIGKILL')
      await agents.stop()
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
