import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measure } from '../../../terms/reading.ts'
import type { Looks } from '../machine.ts'
import type { Sampler } from '../sampler.ts'
import { CpuSampler } from './cpu.ts'
import { DiskSampler } from './disk.ts'
import { MemorySampler } from './memory.ts'
import { NetworkSampler } from './network.ts'
import { PressureSampler } from './pressure.ts'
import { classOf } from './process-class.ts'
import { ProcessesSampler } from './processes.ts'
import { SocketsSampler } from './sockets.ts'

/** A guest of files in memory. */
class Guest implements Looks {
  readonly files: Record<string, string>

  constructor(files: Record<string, string>) {
    this.files = files
  }

  readText(path: string, maxBytes = 65_536): string | undefined {
    return this.files[path]?.slice(0, maxBytes)
  }

  readAt(): Uint8Array | undefined {
    return undefined
  }

  list(path: string): readonly string[] | undefined {
    const names = Object.keys(this.files).flatMap((file) =>
      file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split('/')[0]] : [],
    )
    return names.length === 0 ? undefined : [...new Set(names)]
  }

  readLink(): string | undefined {
    return undefined
  }

  access(path: string): 'readable' | 'missing' {
    return Object.keys(this.files).some((file) => file === path || file.startsWith(`${path}/`)) ? 'readable' : 'missing'
  }
}

type Measured = Partial<Record<Measure, number>>

/** What a sampler puts at one look. */
function look(sampler: Sampler, atMs: number): Measured {
  const measured: Measured = {}
  void sampler.sample(
    { at: atMs, monotonicMs: atMs, wantsDetails: true },
    {
      put: (measure, value) => {
        if (Number.isFinite(value)) measured[measure] = value
      },
      detail: () => undefined,
    },
  )
  return measured
}

/** A look, the guest changed, and a look five seconds later. */
function twoLooks(sampler: Sampler, guest: Guest, changed: Record<string, string>): Measured {
  look(sampler, 0)
  Object.assign(guest.files, changed)
  return look(sampler, 5000)
}

const near = (a: number | undefined, b: number): void =>
  assert.ok(a !== undefined && Math.abs(a - b) < 1e-9, `${a} is not ${b}`)

test('CPU is what ran and what was stolen, per second of the clock that never jumps', () => {
  const guest = new Guest({
    '/proc/stat': 'cpu  100 0 50 800 10 0 0 5 0 0\nctxt 1000\nprocs_running 3\nprocs_blocked 0\n',
  })
  const measured = twoLooks(new CpuSampler(guest), guest, {
    '/proc/stat': 'cpu  400 0 150 1300 10 0 0 105 0 0\nctxt 6000\nprocs_running 3\nprocs_blocked 0\n',
  })
  // 300 + 100 ticks ran, 100 were stolen: 500 ticks in 5 s are one core; a fifth of it stolen.
  near(measured.cpuRefCoresMean, 1)
  near(measured.cpuStealShare, 0.2)
  near(measured.cpuUserShare, 0.6)
  near(measured.cpuSystemShare, 0.2)
  near(measured.contextSwitchesPerSec, 1000)
  near(measured.runQueueLength, 2)
})

test('a first look has levels and no rates', () => {
  const guest = new Guest({ '/proc/stat': 'cpu  100 0 50 800 10 0 0 5 0 0\nctxt 1000\nprocs_running 3\n' })
  assert.deepEqual(look(new CpuSampler(guest), 0), { runQueueLength: 2 })
})

test('a counter that goes back is absent and not a huge or negative rate', () => {
  const guest = new Guest({ '/proc/stat': 'cpu  100 0 50 800 10 0 0 5 0 0\nctxt 1000\nprocs_running 1\n' })
  const measured = twoLooks(new CpuSampler(guest), guest, {
    '/proc/stat': 'cpu  1 0 1 8 0 0 0 0 0 0\nctxt 10\nprocs_running 1\n',
  })
  assert.deepEqual(measured, { runQueueLength: 0 })
})

test('pressure is the rise of the total over the span', () => {
  const guest = new Guest({ '/proc/pressure/cpu': pressureText(1000) })
  // 500 000 us of 5 s are a tenth; without PSI for memory there is none.
  assert.deepEqual(twoLooks(new PressureSampler(guest), guest, { '/proc/pressure/cpu': pressureText(501_000) }), {
    cpuPressureSome: 0.1,
  })
})

test('used memory is what is not available; swapping is counted in pages', () => {
  const guest = new Guest({
    '/proc/meminfo':
      'MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 10 kB\nCached: 300 kB\nActive(file): 50 kB\nShmem: 20 kB\nSReclaimable: 30 kB\n',
    '/proc/vmstat': 'pswpin 10\npswpout 0\npgmajfault 5\n',
  })
  const measured = twoLooks(new MemorySampler(guest, 4096), guest, {
    '/proc/vmstat': 'pswpin 20\npswpout 15\npgmajfault 15\n',
  })
  near(measured.memoryUsedBytes, 600 * 1024)
  near(measured.memoryWorkingSetBytes, 650 * 1024)
  // 300 + 10 + 30 - 20
  near(measured.memoryCachedBytes, 320 * 1024)
  near(measured.majorFaultsPerSec, 2)
  // 25 pages in 5 s
  near(measured.swapBytesPerSec, 5 * 4096)
})

test('disks are counted once: not their partitions, and not what is stacked on them', () => {
  const changed = { '/proc/diskstats': diskText(110, 120) }
  for (const sys of [{}, { '/sys/block/vda/size': '1', '/sys/block/dm-0/size': '1' }]) {
    const guest = new Guest({ '/proc/diskstats': diskText(100, 100), ...sys })
    const measured = twoLooks(new DiskSampler(guest), guest, changed)
    near(measured.diskReadOpsPerSec, 2)
    near(measured.diskWriteOpsPerSec, 4)
    near(measured.diskReadBytesPerSec, (10 * 8 * 512) / 5)
    // (10 x 2 ms + 20 x 4 ms) / 30
    near(measured.diskLatencyMs, 100 / 30)
  }
})

test('a disk that did nothing has rates of zero and no latency', () => {
  const guest = new Guest({ '/proc/diskstats': ' 254 0 vda 1 0 8 2 1 0 8 2 0 0 0\n' })
  const measured = twoLooks(new DiskSampler(guest), guest, {})
  assert.equal(measured.diskReadOpsPerSec, 0)
  assert.equal(measured.diskLatencyMs, undefined)
})

test('network is what leaves the guest: no loopback, no bridge', () => {
  const guest = new Guest({
    '/proc/net/dev': deviceText(1000),
    '/proc/net/snmp': 'Tcp: RtoAlgorithm RtoMin RtoMax MaxConn RetransSegs\nTcp: 1 200 120000 -1 7\n',
  })
  const measured = twoLooks(new NetworkSampler(guest), guest, {
    '/proc/net/dev': deviceText(6000),
    '/proc/net/snmp': 'Tcp: RtoAlgorithm RtoMin RtoMax MaxConn RetransSegs\nTcp: 1 200 120000 -1 17\n',
  })
  near(measured.netReceiveBytesPerSec, 1000)
  near(measured.netSendBytesPerSec, 2000)
  near(measured.netRetransmitsPerSec, 2)
})

const stat = (pid: number, name: string, ticks: number, start: number): string =>
  `${pid} (${name}) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 0 0\n`

test('processes are born, work and die; a hostile name is no more than a name', () => {
  const hostile = 'a) R 9 (b\n'
  const guest = new Guest({
    '/proc/1/stat': stat(1, 'systemd', 10, 0),
    '/proc/7/stat': stat(7, hostile, 100, 5000),
    '/proc/8/stat': stat(8, 'postgres', 100, 0),
    '/proc/uptime': '100.0 0\n',
    '/proc/stat': 'processes 100\n',
    '/proc/loadavg': '0 0 0 1/50 8\n',
  })
  const sampler = new ProcessesSampler(guest)
  look(sampler, 0)
  delete guest.files['/proc/7/stat']
  guest.files['/proc/8/stat'] = stat(8, 'postgres', 130, 0)
  guest.files['/proc/1/stat'] = stat(1, 'systemd', 20, 0)
  Object.assign(guest.files, { '/proc/stat': 'processes 120\n', '/proc/loadavg': '0 0 0 1/45 8\n' })
  const measured = look(sampler, 5000)
  // Twenty born, five fewer there: 25 died, in five seconds.
  near(measured.processBirthsPerSec, 4)
  near(measured.processDeathsPerSec, 5)
  // 30 of 40 ticks
  near(measured.topProcessCpuShare, 0.75)
  // Started at 50 s, gone at 100 s.
  near(measured.processLifetimeSecMedian, 50)
})

test('where others are hidden, processes are absent and it is said what would show them', () => {
  const guest = new Guest({
    '/proc/4/stat': stat(4, 'ethos', 1, 1),
    '/proc/stat': 'processes 1\n',
    '/proc/loadavg': '0 0 0 1/5 8\n',
  })
  const sampler = new ProcessesSampler(guest)
  assert.equal(look(sampler, 0).processCount, undefined)
  assert.match(sampler.findings()[0].remedy ?? '', /hidepid=0/)
})

test('peers are distinct addresses of established connections, loopback aside', () => {
  const guest = new Guest({
    '/proc/net/tcp': [
      '  sl  local_address rem_address st\n',
      socketLine('00000000:1538', '00000000:0000', '0A'),
      socketLine('0A00000A:1538', '0B00000A:9C40', '01'),
      socketLine('0A00000A:1538', '0B00000A:9C41', '01'),
      socketLine('0A00000A:1538', '0C00000A:9C41', '06'),
      socketLine('0100007F:1538', '0100007F:9C41', '01'),
    ].join(''),
  })
  assert.equal(look(new SocketsSampler(guest), 0).socketPeers, 1)
})

test('a guest of which nothing can be read puts nothing and throws nothing', () => {
  const guest = new Guest({})
  const samplers = [
    new CpuSampler(guest),
    new PressureSampler(guest),
    new MemorySampler(guest, 4096),
    new DiskSampler(guest),
    new NetworkSampler(guest),
    new ProcessesSampler(guest),
  ]
  for (const sampler of samplers) {
    assert.deepEqual(twoLooks(sampler, guest, {}), {}, sampler.name)
    for (const { state } of sampler.findings() as readonly { state: string }[])
      assert.notEqual(state, 'seen', sampler.name)
  }
})

for (const rubbish of [
  '',
  '\n\n\n',
  'cpu',
  'cpu  x y z',
  ':'.repeat(1000),
  '\0'.repeat(500),
  `${'9'.repeat(400)} `.repeat(20),
]) {
  test(`files of ${JSON.stringify(rubbish.slice(0, 12))}... put no number that is not finite`, () => {
    const paths = [
      '/proc/stat',
      '/proc/pressure/cpu',
      '/proc/meminfo',
      '/proc/vmstat',
      '/proc/diskstats',
      '/proc/net/dev',
      '/proc/net/snmp',
      '/proc/1/stat',
      '/proc/loadavg',
      '/proc/net/tcp',
    ]
    const guest = new Guest(Object.fromEntries(paths.map((path) => [path, rubbish])))
    for (const sampler of [
      new CpuSampler(guest),
      new PressureSampler(guest),
      new MemorySampler(guest, 4096),
      new DiskSampler(guest),
      new NetworkSampler(guest),
      new ProcessesSampler(guest),
      new SocketsSampler(guest),
    ]) {
      for (const value of Object.values(twoLooks(sampler, guest, {}))) assert.ok(Number.isFinite(value), sampler.name)
    }
  })
}

test('a process is known by its class, and what is not listed is other', () => {
  assert.deepEqual(['postgres', 'nginx', 'sh', 'shady', 'java', 'my-secret'].map(classOf), [
    'database',
    'web server',
    'shell',
    'other',
    'runtime',
    'other',
  ])
})

function pressureText(total: number): string {
  const averages = 'avg10=0.00 avg60=0.00 avg300=0.00'
  return `some ${averages} total=${total}\nfull ${averages} total=0\n`
}

/** A disk, its partition and what is stacked on it, all with the same counters: 8 sectors and 2 ms a read, 8 and 4 a write. */
function diskText(reads: number, writes: number): string {
  const counters = `${reads} 0 ${reads * 8} ${reads * 2} ${writes} 0 ${writes * 8} ${writes * 4} 1 0 0`
  return ['vda', 'vda1', 'dm-0'].map((name) => ` 254 0 ${name} ${counters}\n`).join('')
}

function deviceText(bytes: number): string {
  const counters = `${bytes} 10 0 0 0 0 0 0 ${2 * bytes} 20 0 0 0 0 0 0`
  return `Inter-| Receive\n face |bytes\n${['lo', 'eth0', 'veth1'].map((name) => `${name}: ${counters}\n`).join('')}`
}

function socketLine(local: string, remote: string, state: string): string {
  return `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 0 0 1\n`
}
