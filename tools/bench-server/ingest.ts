/** What it costs to take vectors in, durably: from hosts at full speed, from a fleet of 100 000 at its pace, and from agents that connect themselves. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { aLine, type Identity } from '../../src/apps/server/builders.ts'
import { aBatch, fullLine, MeasuredServer } from './relaying.ts'
import { measuredNumber, type MeasuredNumber, type SectionSize, type ServerSection } from './section.ts'

const BATCH = 500
const MiB = 2 ** 20

interface Sizes {
  readonly hosts: number
  readonly rounds: number
  readonly fleetHosts: number
  readonly fleetSec: number
  readonly agents: number
  readonly reports: number
  readonly idle: number
}

const FULL: Sizes = { hosts: 40, rounds: 10, fleetHosts: 200, fleetSec: 60, agents: 100, reports: 3, idle: 1000 }
const SMALL: Sizes = { hosts: 2, rounds: 2, fleetHosts: 4, fleetSec: 1, agents: 3, reports: 2, idle: 10 }
/** Where all of a server's threads are pinned to. */
const CORE = 0
const FLEET_INTERVAL_SEC = 300

export const section: ServerSection = {
  name: 'ingest',
  summary:
    `HTTPS, batches of ${BATCH} vectors of ${fullLine('host-1-vm-1', 1).length} bytes with all dimensions, one of each VM; ` +
    'synced before each answer. The sender is another process.',
  run: async (size) => {
    const sizes = size.isSmall ? SMALL : FULL
    return [
      ...(await flatOut(sizes, size.say, undefined)),
      ...(await flatOut(sizes, size.say, CORE)),
      ...(await fleet(sizes, size.say)),
      ...(await direct(sizes, size.say)),
    ]
  },
}

type Say = SectionSize['say']

/** Hosts send one batch after the other as fast as they are answered. @param core where the server is pinned to */
async function flatOut({ hosts, rounds }: Sizes, say: Say, core: number | undefined): Promise<MeasuredNumber[]> {
  const server = await MeasuredServer.start(core === undefined ? {} : { core })
  try {
    const senders = await server.hosts(hosts)
    const bodies = senders.map((_, host) =>
      Array.from({ length: rounds + 1 }, (_, sequence) => aBatch({ host, vms: BATCH, sequence })),
    )
    say(`${hosts} hosts have joined; their ${hosts * BATCH} VMs are heard for the first time`)
    await Promise.all(senders.map((sender, host) => relay(server, sender, bodies[host].slice(0, 1))))
    const [cpuBefore, startedAt] = [server.cpuSec(), performance.now()]
    await Promise.all(senders.map((sender, host) => relay(server, sender, bodies[host].slice(1))))
    const wallSec = (performance.now() - startedAt) / 1000
    const cpuSec = server.cpuSec() - cpuBefore
    const vectors = hosts * rounds * BATCH
    say(`${vectors} vectors in ${wallSec.toFixed(2)} s, ${cpuSec.toFixed(2)} s of CPU`)
    if (core !== undefined)
      return [measuredNumber('pinned to one core', vectors / wallSec, { unit: 'vectors/s', goal: { atLeast: 20_000 } })]
    const perCpu = { unit: 'vectors/CPU s', goal: { atLeast: 20_000 } } as const
    return [
      measuredNumber('whole process', vectors / cpuSec, perCpu),
      measuredNumber('whole process, two cores', vectors / wallSec, { unit: 'vectors/s' }),
    ]
  } finally {
    await server.stop()
  }
}

async function relay({ bench }: MeasuredServer, host: Identity, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const { status, json } = await bench.ask({ path: '/v1/vectors', body, type: 'application/x-ndjson', tls: host })
    if (status !== 200 || json['accepted'] !== BATCH) throw new Error(`${host.vm}: ${status} ${JSON.stringify(json)}`)
  }
}

/** Every VM once in five minutes, through its host, spread evenly. */
async function fleet({ fleetHosts, fleetSec }: Sizes, say: Say): Promise<MeasuredNumber[]> {
  const server = await MeasuredServer.start()
  try {
    const senders = await server.hosts(fleetHosts)
    for (const [host, sender] of senders.entries())
      await relay(server, sender, [aBatch({ host, vms: BATCH, sequence: 0 })])
    say(`${fleetHosts * BATCH} VMs are known; ${fleetSec} s of their pace follow`)
    await sleep(2000)
    const everyMs = (FLEET_INTERVAL_SEC * 1000) / fleetHosts
    const [cpuBefore, startedAt] = [server.cpuSec(), performance.now()]
    let residentBytes = server.residentBytes()
    for (let i = 0; i * everyMs < fleetSec * 1000; i++) {
      const body = aBatch({ host: i % fleetHosts, vms: BATCH, sequence: 1 + Math.floor(i / fleetHosts) })
      await sleep(Math.max(0, startedAt + i * everyMs - performance.now()))
      await relay(server, senders[i % fleetHosts], [body])
      residentBytes = Math.max(residentBytes, server.residentBytes())
    }
    await sleep(Math.max(0, startedAt + fleetSec * 1000 - performance.now()))
    const share = (server.cpuSec() - cpuBefore) / ((performance.now() - startedAt) / 1000)
    return [
      measuredNumber(`${fleetHosts * BATCH} VMs every 5 min through ${fleetHosts} hosts`, share * 100, {
        unit: '% of a core',
        goal: { atMost: 5 },
      }),
      measuredNumber('resident memory meanwhile', residentBytes / MiB, { unit: 'MiB', goal: { atMost: 1024 } }),
    ]
  } finally {
    await server.stop()
  }
}

/** Agents that report over TLS themselves: three times each way, for more than ten at once they are told to come later. */
async function direct({ agents, reports, idle }: Sizes, say: Say): Promise<MeasuredNumber[]> {
  const server = await MeasuredServer.start()
  try {
    const members: Identity[] = []
    for (let i = 0; i < agents; i++) members.push(await server.bench.member(`agent-${i}`, `127.0.3.${1 + (i % 200)}`))
    say(`${agents} agents have joined`)
    let sequence = 0
    const reportAll = async (isNew: boolean): Promise<number> => {
      const before = server.cpuSec()
      for (let round = 0; round < reports; round++, sequence++)
        for (const member of members) {
          // Another object is another connection.
          const { status } = await server.bench.send(isNew ? { ...member } : member, [aLine(member.vm, sequence)])
          if (status !== 200) throw new Error(`${member.vm}: ${status}`)
        }
      return ((server.cpuSec() - before) * 1000) / (agents * reports)
    }
    const newMs = await reportAll(true)
    await reportAll(false)
    const keptMs = await reportAll(false)
    await sleep(2000)
    const before = server.residentBytes()
    const opened = await openIdle(server, members[0], idle)
    // Who says nothing for ten seconds is cut off: on a slow machine not all are there at once.
    const open = opened.filter((socket) => !socket.destroyed)
    const idleBytes = (server.residentBytes() - before) / open.length
    say(`${open.length} of ${idle} idle connections at a time`)
    for (const socket of opened) socket.destroy()
    return [
      measuredNumber('a report over a new connection', newMs, { unit: 'ms of CPU' }),
      measuredNumber('a report over a kept connection', keptMs, { unit: 'ms of CPU' }),
      measuredNumber('an idle connection', idleBytes / 1024, { unit: 'KiB' }),
    ]
  } finally {
    await server.stop()
  }
}

async function openIdle({ bench }: MeasuredServer, { key, cert, ca }: Identity, count: number): Promise<TLSSocket[]> {
  const open: TLSSocket[] = []
  const openOne = async (i: number): Promise<void> => {
    const localAddress = `127.0.4.${1 + (i % 200)}`
    const at = { host: '127.0.0.1', port: bench.server.port, localAddress, key, cert, ca }
    const socket = connect(at)
    open.push(socket.resume())
    await new Promise<void>((resolve) => {
      socket.once('secureConnect', () => resolve())
      socket.on('error', () => resolve())
    })
  }
  const atOnce = 50
  for (let from = 0; from < count; from += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, count - from) }, (_, k) => openOne(from + k)))
  return open
}
