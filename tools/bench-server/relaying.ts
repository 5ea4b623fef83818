/** The server as operators start it, in a process of its own, and hosts that relay to it from this one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Bench, type Identity } from '../../src/apps/server/builders.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import { DIMENSIONS, MASK_BYTES } from '../../src/terms/personality.ts'
import { encodePersonality, WIRE_BYTES_MAX } from '../../src/terms/personality-codec.ts'
import { startProcess } from '../server/kills.ts'

/** Clock ticks in a second, as `getconf CLK_TCK` says on every Linux that we know. */
const TICKS_PER_SEC = 100
/** The end of what a server said that ended by itself. */
const SAID_MAX = 2000
/** A little longer than the server lets pass between two strangers in the long run. */
const STRANGER_MS = 60
const SENDER = 'f'.repeat(36)

export class MeasuredServer {
  readonly bench: Bench
  private readonly child: ChildProcess

  private constructor(bench: Bench, child: ChildProcess) {
    this.bench = bench
    this.child = child
    let said = ''
    child.stderr?.on('data', (part: Buffer) => {
      said = (said + part.toString()).slice(-SAID_MAX)
    })
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL') process.stderr.write(`the server ended (${code ?? signal}): ${said}\n`)
    })
  }

  /** Starts it; on one core, where `taskset` pins all of its threads there. */
  static async start({ core }: { readonly core?: number } = {}): Promise<MeasuredServer> {
    const bench = new Bench({ daysAgo: 0 })
    await bench.start()
    await bench.stop()
    const { child, port } = await startProcess(bench.data)
    const server = new MeasuredServer(bench, child)
    if (core !== undefined) for (const pid of server.pids()) await pin(pid, core)
    await bench.attach(port)
    return server
  }

  /** CPU seconds of all processes and threads since it was started: the controller's process is part of a server. */
  cpuSec(): number {
    return this.sumOf((pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // The 14th and 15th fields of the line, the third of which stands first here (proc_pid_stat(5)).
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC
    })
  }

  /** Of all processes; what they share is counted in each. */
  residentBytes(): number {
    return this.sumOf((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1')
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
    })
  }

  private sumOf(measure: (pid: number) => number): number {
    return this.pids().reduce((sum, pid) => sum + measure(pid), 0)
  }

  private pids(): readonly number[] {
    const pid = this.child.pid ?? 0
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')
    return [pid, ...children.filter(Boolean).map(Number)]
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.bench.remove()
  }

  /** Hosts that are registered and have joined, from addresses of their own. */
  async hosts(count: number): Promise<readonly Identity[]> {
    const hosts: Identity[] = []
    for (let i = 0; i < count; i++) {
      // What joins is a stranger, of whom each address may send one in a second after the first twenty.
      const localAddress = `127.0.2.${1 + Math.floor(i / 10)}`
      hosts.push({ ...(await this.bench.host(`host-${i}`, { localAddress })), localAddress })
      // Nor do all strangers together join faster than 20 in a second.
      await sleep(STRANGER_MS)
    }
    return hosts
  }
}

/** A batch as a host relays it: one full vector each of many VMs. */
export function aBatch({ host, vms, sequence }: { host: number; vms: number; sequence: number }): string {
  const lines = Array.from({ length: vms }, (_, i) => fullLine(`host-${host}-vm-${i}`, sequence))
  return `${lines.join('\n')}\n`
}

/** A line as long as may be: all dimensions present, names at their longest as far as they fit. */
export function fullLine(vm: string, sequence: number): string {
  const values = Float32Array.from({ length: DIMENSIONS }, (_, i) => ((i * 37 + sequence * 11) % 100) / 128)
  const vector = {
    sender: SENDER,
    sequence: 1_000_000_000 + sequence,
    windowEnd: Date.now(),
    windowMs: 300_000,
    coverage: 0.9931,
    phases: 999,
    values,
    mask: new Uint8Array(MASK_BYTES).fill(255),
  }
  const bare = encodePersonality({ ...vector, vmId: parseVmId(vm) })
  const room = Math.min(64 - vm.length, WIRE_BYTES_MAX - bare.length)
  return room <= 0 ? bare : encodePersonality({ ...vector, vmId: parseVmId(vm + '.'.repeat(room)) })
}

async function pin(pid: number, core: number): Promise<void> {
  const child = spawn('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) throw new Error(`taskset could not pin ${pid} to core ${core}`)
}
