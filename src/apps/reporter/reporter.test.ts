import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeptReport } from '../../terms/host-report.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { aLine, Bench } from '../server/builders.ts'
import { createToken } from '../server/join-token.ts'
import { makeLog } from '../server/log.ts'
import { virshDomstats } from './libvirt-vms.ts'
import { Reporter, type ReporterOptions } from './reporter.ts'
import { ReporterError } from './reporter-error.ts'

const HOST = parseHostId('kvm-1')
const bench = new Bench({ daysAgo: 0 })
const reporters: Reporter[] = []
const guests: Guest[] = []
const said: string[] = []
/** Twenty times as fast as the wall's: two seconds pass in a tenth of one. */
const BEGUN = Date.now()
const fast = { now: () => BEGUN + 20 * (Date.now() - BEGUN) }

after(async () => {
  for (const guest of guests) guest.close()
  for (const reporter of reporters) await reporter.close()
  await Bench.removeAll()
})

/** Two VMs as virsh tells them: one that runs half of the time on two CPUs, and one that is off. Each look is a second later by its counters. */
function imaginedLibvirt(): { readonly look: () => Promise<string>; fail: boolean } {
  let second = 0
  const libvirt = {
    fail: false,
    look: async (): Promise<string> => {
      if (libvirt.fail) throw new ReporterError('libvirt', 'libvirt does not answer')
      second++
      return Promise.resolve(`Domain: 'web-1'
  state.state=1
  state.reason=1
  cpu.time=${second * 1e7}
  balloon.current=2097152
  balloon.maximum=2097152
  vcpu.current=2
  vcpu.maximum=2
  net.count=1
  net.0.name=vnet0
  net.0.rx.bytes=${second * 1000}
  net.0.tx.bytes=${second * 500}
Domain: 'off-1'
  state.state=5
  vcpu.current=1
Domain: 'a name with blanks'
  state.state=1
  vcpu.current=1
`)
    },
  }
  return libvirt
}

/** One of many VMs, each busy in its own way. */
function manyOf(i: number, second: number): string {
  return `Domain: 'a-virtual-machine-${i}'
  state.state=1
  state.reason=1
  cpu.time=${second * (3e7 + 7919 * i)}
  balloon.current=2097152
  balloon.maximum=2097152
  balloon.rss=${1e6 + i}
  vcpu.current=2
  vcpu.maximum=2
  net.count=1
  net.0.name=vnet${i}
  net.0.rx.bytes=${second * (1000 + 31 * i)}
  net.0.tx.bytes=${second * (500 + 17 * i)}
  block.count=1
  block.0.name=vda
  block.0.rd.bytes=${second * (4000 + 13 * i)}
  block.0.wr.bytes=${second * (9000 + 11 * i)}
`
}

function aReporter(rest: Partial<ReporterOptions> = {}): Reporter {
  const reporter = new Reporter({
    server: rest.server ?? `https://127.0.0.1:${bench.server.port}`,
    host: HOST,
    stateFolder: join(bench.folder, 'state'),
    tokenFile: join(bench.folder, 'token'),
    refCoresPerCore: 2,
    lookEveryMs: 20,
    reportEveryMs: 2000,
    channels: { folders: [join(bench.folder, 'channels')], scanMs: 20 },
    procFolder: '/proc',
    domstats: imaginedLibvirt().look,
    isInMaintenance: () => false,
    clock: fast,
    elapsedMs: fast.now,
    log: makeLog('text', (text) => void said.push(text)),
    ...rest,
  })
  reporters.push(reporter)
  reporter.start()
  return reporter
}

async function leaveToken(): Promise<void> {
  const { authority, store } = bench.server
  const token = await createToken(store, { for: { host: HOST }, pin: authority.pin, at: bench.now })
  writeFileSync(join(bench.folder, 'token'), `${token}\n`)
}

async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let i = 0; i < 1000; i++) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(`It did not come to that. Said:\n${said.join('')}`)
}

function reportOf(holds: (report: KeptReport) => boolean): Promise<KeptReport> {
  return until(async () => (await bench.server.store.hosts.reports()).find(holds))
}

/** The host's end of a guest's port: what is written here the guest says. */
class Guest {
  readonly heard: string[] = []
  private readonly server: Server
  private socket: Socket | undefined

  constructor(vm: string) {
    const folder = join(bench.folder, 'channels', `domain-1-${vm}`)
    mkdirSync(folder, { recursive: true })
    this.server = createServer((socket) => {
      this.socket = socket
      socket.on('error', () => undefined)
      socket.on('data', (part: Buffer) => this.heard.push(...part.toString().split('\n').filter(Boolean)))
    }).listen(join(folder, 'org.ethos.agent.0'))
  }

  async say(...lines: readonly string[]): Promise<void> {
    const socket = await until(() => this.socket)
    socket.write(lines.map((line) => `${line}\n`).join(''))
  }

  close(): void {
    this.socket?.destroy()
    this.server.close()
  }
}

test('without a token a host says what is missing; with one it joins, keeps its key for its owner alone, and the token is gone', async () => {
  await bench.start({ limits: { hostRequests: { everyMs: 0.01, burst: 1e6 } } })
  aReporter()
  await until(() => said.find((text) => text.includes('ethos enroll kvm-1 --host')))
  await bench.server.store.hosts.put({ hostId: HOST, changedAt: bench.now })
  await leaveToken()
  await reportOf(({ hostId }) => hostId === HOST)
  assert.ok(!existsSync(join(bench.folder, 'token')))
  const kept = join(bench.folder, 'state', 'identity.json')
  assert.equal(statSync(kept).mode & 0o777, 0o600)
  assert.match(readFileSync(kept, 'utf8'), /BEGIN CERTIFICATE/)
})

test('a report tells what runs, at its size and with what it used in reference cores; what is off is left out', async () => {
  const { vms, state, cpuRefCoresMean, memoryUsedBytes } = await reportOf(
    ({ vms: told }) => told[0]?.mean.cpu !== undefined,
  )
  assert.equal(state, 'on')
  assert.ok((cpuRefCoresMean ?? -1) >= 0 && (memoryUsedBytes ?? 0) > 0)
  assert.deepEqual(
    vms.map(({ vm }) => vm),
    [{ id: 'web-1', vcpus: 2, refCoresPerVcpu: 2, memoryBytes: 2 * 2 ** 30 }],
  )
  assert.equal(vms[0].state, 'running')
  assert.ok((vms[0].mean.cpu ?? 0) > 0 && (vms[0].max.cpu ?? 0) >= (vms[0].mean.cpu ?? 0))
  assert.ok((vms[0].mean.netReceive ?? 0) > (vms[0].mean.netSend ?? 0))
  assert.ok(said.some((text) => text.includes('a name with blanks')))
})

test('what guests say over their channels is relayed, and each is answered as the server answered', async () => {
  guests.push(...['web-1', 'db-1'].map((vm) => new Guest(vm)))
  await Promise.all(
    guests.map((guest, i) => guest.say('{"hello":1}', aLine(['web-1', 'db-1'][i], 0), aLine(['web-1', 'db-1'][i], 1))),
  )
  for (const guest of guests) {
    await until(() => (guest.heard.length >= 3 ? guest.heard : undefined))
    assert.deepEqual(
      guest.heard.slice(1, 3).map((line) => (JSON.parse(line) as { ack: [string, number] }).ack[1]),
      [0, 1],
    )
  }
  const identity = await bench.server.store.identities.find(parseVmId('db-1'))
  assert.deepEqual(identity?.via, { host: HOST })
  assert.equal(identity?.vectorsKept, 2)
  await guests[0].say(aLine('somebody-else', 5))
  await until(() => guests[0].heard.find((line) => /refused.*somebody-else.*sent by web-1/.test(line)))
  assert.equal(await bench.server.store.identities.find(parseVmId('somebody-else')), undefined)
})

test('while libvirt does not answer nothing is reported: an empty list would say that no VM is there', async () => {
  const libvirt = imaginedLibvirt()
  for (const reporter of reporters.splice(0)) await reporter.close()
  libvirt.fail = true
  aReporter({ domstats: libvirt.look })
  await until(() => said.find((text) => text.includes('libvirt does not answer')))
  const before = (await bench.server.store.hosts.reports())[0].windowEnd
  await sleep(300)
  assert.equal((await bench.server.store.hosts.reports())[0].windowEnd, before)
  libvirt.fail = false
  await reportOf(({ windowEnd, vms }) => windowEnd > before && vms.length === 1)
})

test('what the server did not hear is part of the next report, and a clock that was set changes no span', async () => {
  for (const reporter of reporters.splice(0)) await reporter.close()
  const { port } = bench.server
  await bench.stop()
  let jumpMs = 0
  aReporter({ server: `https://127.0.0.1:${port}`, clock: { now: () => fast.now() + jumpMs } })
  await until(() => said.find((text) => text.includes('can not be reached')))
  jumpMs = -3_600_000
  await sleep(300)
  await bench.start({ port, limits: { hostRequests: { everyMs: 0.01, burst: 1e6 } } })
  const { windowMs, windowEnd, vms } = await reportOf(({ windowEnd: end }) => end < fast.now() - 3_000_000)
  assert.ok(windowMs > 4000 && windowMs < 600_000, `${windowMs}`)
  assert.ok(windowEnd > BEGUN - 3_700_000)
  assert.ok((vms[0].mean.cpu ?? -1) >= 0 && (vms[0].mean.cpu ?? 99) < 2)
})

test('a host of 5,000 VMs is reported whole, though that is longer than a server takes as it is', async () => {
  for (const reporter of reporters.splice(0)) await reporter.close()
  let second = 0
  const domstats = async (): Promise<string> => {
    second++
    return Array.from({ length: 5000 }, (_, i) => manyOf(i, second)).join('')
  }
  aReporter({ domstats })
  const { vms } = await reportOf(({ vms: told }) => told.length === 5000 && told[4999].mean.cpu !== undefined)
  assert.ok(JSON.stringify(vms).length > 1.5 * 2 ** 20)
  assert.deepEqual(new Set(vms.map(({ vm }) => vm.id)).size, 5000)
  for (const reporter of reporters.splice(0)) await reporter.close()
  aReporter()
  await reportOf(({ vms: told }) => told.length === 1)
})

test('a host that is taken off the list is told the command that would put it back', async () => {
  await bench.server.store.hosts.remove(HOST)
  bench.now += 60_000
  await until(() => said.find((text) => text.includes('ethos hosts add kvm-1.json')))
})

test('a virsh that is missing, fails or prints rubbish is an error that says so', async () => {
  const uri = 'qemu:///system'
  await assert.rejects(virshDomstats({ program: '/no/such/virsh', uri }), /Is libvirt-clients installed/)
  const script = join(bench.folder, 'virsh')
  writeFileSync(script, '#!/bin/sh\necho "error: failed to connect to the hypervisor" >&2\nexit 1\n')
  chmodSync(script, 0o755)
  await assert.rejects(virshDomstats({ program: script, uri }), /failed to connect to the hypervisor/)
})
