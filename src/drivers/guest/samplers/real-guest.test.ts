/** The samplers on the machine that runs the tests. Others work on it too, so that what is asserted is what a known piece of work must add, and order. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { READABLE_NODE, readable, whereAllMayRead } from '../../../../tools/readable.ts'
import { REPOSITORY } from '../../../../tools/repository.ts'
import { MiB } from '../../../terms/units.ts'
import { nodeMachine } from '../node-machine.ts'
import { type Finding, SAMPLER_NAMES, type Sampler, type SamplerName } from '../sampler.ts'
import { type Looked, lookAt } from './looking.ts'
import { makeSamplers } from './make-samplers.ts'

const machine = nodeMachine()
const isLinux = machine.readText('/proc/stat') !== undefined
const skipped = isLinux ? false : 'needs Linux'

function samplerOf(name: SamplerName): Sampler {
  const [sampler] = makeSamplers(machine, new Set([name]))
  return sampler
}

/** What a sampler measured while something was done, and how long that was. */
async function during(name: SamplerName, work: () => unknown): Promise<Looked & { readonly spanSec: number }> {
  const sampler = samplerOf(name)
  const startMs = machine.monotonicMs()
  lookAt(sampler, startMs)
  await work()
  const endMs = machine.monotonicMs()
  return { ...lookAt(sampler, endMs), spanSec: (endMs - startMs) / 1000 }
}

test('every sampler looks at a real guest, and finds what it says it finds', { skip: skipped }, async () => {
  const samplers = makeSamplers(machine, new Set(SAMPLER_NAMES))
  for (const sampler of samplers) lookAt(sampler, machine.monotonicMs())
  await pass(300)
  for (const sampler of samplers) {
    const { measured } = lookAt(sampler, machine.monotonicMs())
    for (const [measure, value] of Object.entries(measured)) assert.ok(value >= 0, `${measure} is ${value}`)
    const findings = await sampler.findings()
    assert.ok(findings.length > 0)
    if (['cpu', 'memory', 'processes'].includes(sampler.name)) assert.notDeepEqual(measured, {}, sampler.name)
  }
})

test('docs/agent-measures.md tells of each detail that a real guest shows', { skip: skipped }, async () => {
  const document = readFileSync(join(REPOSITORY, 'docs/agent-measures.md'), 'utf8')
  const samplers = makeSamplers(machine, new Set(SAMPLER_NAMES))
  for (const sampler of samplers) lookAt(sampler, machine.monotonicMs())
  await pass(300)
  const disks = machine.list('/sys/block') ?? []
  for (const sampler of samplers) {
    for (const detail of Object.keys(lookAt(sampler, machine.monotonicMs()).details)) {
      const disk = disks.find((name) => detail.startsWith(`${name} `))
      const told = detail.includes(' -> ')
        ? 'CLASS -> CLASS here'
        : disk === undefined
          ? detail.replace(/^load by .*/, 'load by CLASS')
          : `DISK${detail.slice(disk.length)}`
      assert.ok(document.includes(`\`${told}\``), `${sampler.name}: ${detail}`)
    }
  }
})

test('a burner on each CPU is seen: nearly all CPUs in demand, mostly by programs, one of them on top', {
  skip: skipped,
}, async () => {
  const processors = machine.self.processors
  const burners = Array.from({ length: processors }, () => spawn(process.execPath, ['-e', 'for (;;);']))
  try {
    await pass(500)
    const cpu = samplerOf('cpu')
    const processes = samplerOf('processes')
    const startMs = machine.monotonicMs()
    lookAt(cpu, startMs)
    lookAt(processes, startMs)
    await pass(1000)
    const { measured } = lookAt(cpu, machine.monotonicMs())
    assert.ok((measured.cpuRefCoresMean ?? 0) > processors / 2, `${measured.cpuRefCoresMean} of ${processors}`)
    assert.ok((measured.cpuUserShare ?? 0) > (measured.cpuSystemShare ?? 1))
    const top = lookAt(processes, machine.monotonicMs())
    assert.ok((top.measured.topProcessCpuShare ?? 0) > 0)
    assert.ok(Number(top.details['load by runtime']) > 0)
  } finally {
    for (const burner of burners) burner.kill('SIGKILL')
  }
})

const hasDisk = isLinux && isOnDisk()

test('a writer of 32 MiB, flushed, is seen to write that much at least', {
  skip: hasDisk ? false : 'no disk here',
}, async () => {
  const build = join(process.cwd(), 'build')
  mkdirSync(build, { recursive: true })
  const folder = mkdtempSync(join(build, 'disk-writer-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const { measured, spanSec } = await during('disk', () => {
    const file = openSync(join(folder, 'written'), 'w')
    const chunk = Buffer.alloc(MiB, 7)
    for (let i = 0; i < 32; i++) writeSync(file, chunk.fill(i))
    fsyncSync(file)
    closeSync(file)
  })
  assert.ok((measured.diskWriteBytesPerSec ?? 0) * spanSec >= 32 * MiB)
  assert.ok((measured.diskWriteOpsPerSec ?? 0) > 0)
  assert.ok((measured.diskLatencyMs ?? 0) > 0)
})

test('memory that is taken and written is seen, and so are its faults', { skip: skipped }, async () => {
  const { measured, spanSec } = await during('dirty-pages', () => {
    const taken = Array.from({ length: 64 }, () => Buffer.alloc(MiB, 1))
    assert.equal(taken.length, 64)
  })
  // Zones hand out pages in batches, of which a few MiB may have been there before.
  assert.ok((measured.memoryDirtiedBytesPerSec ?? 0) * spanSec >= 56 * MiB)
})

test('100 programs that come and go between two looks are all born and dead, and the lives told are short', {
  skip: skipped,
}, async () => {
  const { measured, spanSec } = await during('processes', () => {
    for (let i = 0; i < 100; i++) spawnSync('/bin/true')
  })
  assert.ok((measured.processBirthsPerSec ?? 0) * spanSec >= 100)
  assert.ok((measured.processDeathsPerSec ?? 0) * spanSec >= 95)
  assert.ok((measured.processLifetimeSecMedian ?? Infinity) < spanSec)
})

test('a connection between two processes here is seen as one within, and is no peer', { skip: skipped }, async () => {
  const server = createServer((socket) => socket.resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const before = lookAt(samplerOf('sockets'), 0)
  const client = connect(address.port, '127.0.0.1')
  await new Promise((resolve) => client.once('connect', resolve))
  const { measured, details } = lookAt(samplerOf('sockets'), 0)
  client.destroy()
  server.close()
  assert.ok(Number(details['connections within']) > 0)
  assert.ok(Object.keys(details).some((name) => name.startsWith('runtime -> ') && name.endsWith(' here')))
  assert.ok(before.measured.socketPeers !== undefined && measured.socketPeers !== undefined)
})

const canHide = isLinux && machine.self.userId === 0 && existsSync('/usr/bin/setpriv') && existsSync('/usr/bin/unshare')

test('as nobody, with the processes of others hidden and no /sys, the rest is measured and what is missing is said', {
  skip: canHide ? false : 'needs root, setpriv and unshare',
}, () => {
  const program = `
    import { nodeMachine } from ${url('../node-machine.ts')}
    import { makeSamplers } from ${url('./make-samplers.ts')}
    import { lookAt } from ${url('./looking.ts')}
    import { SAMPLER_NAMES } from ${url('../sampler.ts')}
    const machine = nodeMachine()
    const samplers = makeSamplers(machine, new Set(SAMPLER_NAMES))
    for (const sampler of samplers) lookAt(sampler, machine.monotonicMs())
    await new Promise((resolve) => setTimeout(resolve, 300))
    const told = samplers.map((sampler) => ({ ...lookAt(sampler, machine.monotonicMs()), findings: sampler.findings() }))
    console.log(JSON.stringify({ user: process.getuid(), told }))`
  const script = `set -e
    mount -t proc -o hidepid=2 proc /proc
    mount -t tmpfs none /sys
    exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$0" --input-type=module -e "$1"`
  const [unshare, ...words] = whereAllMayRead(['/bin/sh', '-c', script, READABLE_NODE, program])
  const { stdout, stderr, status } = spawnSync(unshare, words, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { user, told } = JSON.parse(stdout) as { user: number; told: (Looked & { findings: readonly Finding[] })[] }
  assert.equal(user, 65_534)
  const measured = Object.assign({}, ...told.map((each) => each.measured)) as Looked['measured']
  for (const measure of ['contextSwitchesPerSec', 'memoryUsedBytes', 'processBirthsPerSec', 'socketPeers'] as const)
    assert.ok(measured[measure] !== undefined, measure)
  assert.equal(measured.processCount, undefined)
  assert.equal(measured.topProcessCpuShare, undefined)
  const said = told.flatMap((each) => each.findings).filter(({ state }) => state !== 'seen')
  const because = said.map((finding) => `${finding.sampler}: ${finding.because}`).join('\n')
  for (const missing of [
    'processes: processes of other users are hidden',
    'disk: /sys/block can not be read',
    'network: /sys/class/net',
  ])
    assert.ok(because.includes(missing), `${missing} is not in:\n${because}`)
})

/** A module beside this one, as a word of a program. */
function url(file: string): string {
  return JSON.stringify(`file://${readable(join('src/drivers/guest/samplers', file))}`)
}

/** Whether the folder that tests write to is on one of the disks that are counted. */
function isOnDisk(): boolean {
  const source = spawnSync('findmnt', ['--noheadings', '--output', 'SOURCE', '--target', process.cwd()], {
    encoding: 'utf8',
  })
  const name = (source.stdout ?? '')
    .trim()
    .replace('/dev/', '')
    .replace(/p?\d+$/, '')
  const [finding] = samplerOf('disk').findings() as readonly Finding[]
  return name !== '' && finding.because.includes(name)
}
