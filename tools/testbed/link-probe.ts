/** How fast the way from one host of the testbed to another is, as a short probe sees it: payload that arrives, not what is sent.
 *
 *  One such process per host, started within its network by `LinkProbes`: it takes whatever comes, and on a word sends to another. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { REPOSITORY } from '../repository.ts'
import type { Testbed } from './testbed.ts'

const PORT = 5999
/** What a limited link lets through at once before its limit holds (256 KiB), and some more: not counted. */
const BURST_BYTES = 400 * 1024
const SENDING_MS = 400
const ANSWER_MS_MAX = 20_000

interface Arrived {
  readonly bytes: number
  readonly ms: number
}

export class LinkProbes {
  private readonly probes = new Map<string, { readonly child: ChildProcess; readonly lines: Interface }>()

  /** Starts one on each host. They end with the hosts. */
  static async start(testbed: Testbed, hosts: readonly string[]): Promise<LinkProbes> {
    const probes = new LinkProbes()
    for (const host of hosts) {
      const words = [process.execPath, join(REPOSITORY, 'tools', 'testbed', 'link-probe.ts')]
      const child = testbed.spawn(host, words, ['pipe', 'pipe', 'inherit'])
      if (child.stdout === null) throw new Error(`the probe on ${host} has no output`)
      const lines = createInterface({ input: child.stdout })
      probes.probes.set(host, { child, lines })
      await once(lines, 'line', { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    }
    return probes
  }

  /** Payload per second, in MB (10^6 bytes). */
  async megabytesPerSec(from: string, address: string): Promise<number> {
    const probe = this.probes.get(from)
    if (probe === undefined) throw new Error(`there is no probe on ${from}`)
    const answer = once(probe.lines, 'line', { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    probe.child.stdin?.write(`${address}\n`)
    const { bytes, ms } = JSON.parse(String((await answer)[0])) as Arrived
    return bytes / ms / 1000
  }

  end(): void {
    for (const { child } of this.probes.values()) child.kill('SIGKILL')
  }
}

/** Counts what comes, and tells the sender once it has ended. */
function serve(): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let all = 0
    let first: { readonly at: number; readonly bytes: number } | undefined
    let last = 0
    socket.on('data', (bytes: Buffer) => {
      all += bytes.length
      last = performance.now()
      if (first === undefined && all >= BURST_BYTES) first = { at: last, bytes: all }
    })
    socket.on('end', () => {
      const arrived = first === undefined ? { bytes: 0, ms: 1 } : { bytes: all - first.bytes, ms: last - first.at }
      socket.end(JSON.stringify(arrived))
    })
    socket.on('error', () => socket.destroy())
  })
  server.listen(PORT, () => process.stdout.write('ready\n'))
}

async function sendTo(address: string): Promise<void> {
  const socket = connect({ host: address, port: PORT, allowHalfOpen: true })
  await once(socket, 'connect')
  const portion = Buffer.alloc(64 * 1024, 1)
  const endsAt = performance.now() + SENDING_MS
  while (performance.now() < endsAt) {
    if (!socket.write(portion)) await once(socket, 'drain')
  }
  socket.end()
  let answer = ''
  for await (const text of socket.setEncoding('utf8')) answer += String(text)
  process.stdout.write(`${answer}\n`)
}

if (process.argv[1] === import.meta.filename) {
  serve()
  for await (const address of createInterface({ input: process.stdin })) await sendTo(address.trim())
}
