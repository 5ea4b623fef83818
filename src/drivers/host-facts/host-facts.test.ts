import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parseConclusion } from '../../terms/host-measurement-codec.ts'
import { parseCorrection, parseCorrections } from './corrections.ts'
import { nodeFactFiles } from './fact-files.ts'
import { type HostFacts, readHostFacts } from './host-facts.ts'

const CPU = 'sys/devices/system/cpu'
const MOUNTS = 'proc/self/mountinfo'

test('an Intel server of two sockets with two threads a core', () => {
  const facts = read({
    'proc/cpuinfo': x86(8, 'Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz', 'fpu sse2 avx512f'),
    'proc/meminfo': 'MemTotal:       394882048 kB\nMemFree: 1 kB',
    'sys/class/dmi/id/sys_vendor': 'Dell Inc.',
    'sys/class/dmi/id/product_name': 'PowerEdge R640',
    // Threads 0 and 4 share a core, as do 1 and 5, ...; even cores are in socket 0.
    ...topology(8, (cpu) => ({ siblings: `${cpu % 4},${(cpu % 4) + 4}`, socket: cpu % 2 })),
    [`${CPU}/cpu0/cpufreq/cpuinfo_max_freq`]: '3700000',
    [`${CPU}/cpu0/cpufreq/scaling_governor`]: 'powersave',
    ...cache('cpu0', 3, '28160K', '0,2,4,6'),
    ...cache('cpu1', 3, '28160K', '1,3,5,7'),
    ...cache('cpu2', 3, '28160K', '0,2,4,6'),
    'sys/devices/system/node/node0/x': '',
    'sys/devices/system/node/node1/x': '',
    'sys/class/net/eno1/speed': '25000',
    'sys/class/net/eno1/operstate': 'up',
    'sys/class/net/eno2/speed': '100000',
    'sys/class/net/eno2/operstate': 'down',
    'sys/class/net/lo/speed': '1000000',
  })
  assert.equal(facts.host.model, 'Dell Inc. PowerEdge R640')
  assert.equal(facts.host.cores, 4)
  assert.equal(facts.threads, 8)
  assert.equal(facts.sockets, 2)
  // 394,882,048 kB of 1024 bytes; 25,000 Mbit/s are 3.125 GB/s, and the faster link is down.
  assert.equal(facts.host.memoryBytes, 404_359_217_152)
  assert.equal(facts.host.networkBytesPerSec, 3.125e9)
  assert.deepEqual(facts.host.cpuFlags, ['fpu', 'sse2', 'avx512f'])
  assert.equal(value(facts, 'smt'), true)
  assert.equal(value(facts, 'mhzMax'), 3700)
  assert.equal(value(facts, 'governor'), 'powersave')
  assert.equal(value(facts, 'numaNodes'), 2)
  assert.equal(value(facts, 'virtualised'), false)
  // Two caches, each shared by four threads: 2 x 28,160 KiB.
  assert.equal(facts.lastCacheBytes, 2 * 28_160 * 1024)
})

test('an AMD server whose makers left the model empty', () => {
  const facts = read({
    'proc/cpuinfo': x86(2, 'AMD EPYC 7742 64-Core Processor', 'fpu svm'),
    'sys/class/dmi/id/sys_vendor': 'To Be Filled By O.E.M.',
    'sys/class/dmi/id/product_name': 'Default string',
  })
  assert.equal(facts.host.model, undefined)
  assert.equal(facts.host.cpuType, 'AMD EPYC 7742 64-Core Processor')
  // No /sys: each pair of package and core in /proc/cpuinfo is a core.
  assert.equal(facts.host.cores, 2)
})

test('an ARM server tells numbers, which have names', () => {
  const one = 'BogoMIPS\t: 50.00\nFeatures\t: fp asimd aes\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c'
  const facts = read({ 'proc/cpuinfo': `processor\t: 0\n${one}\n\nprocessor\t: 1\n${one}\n` })
  assert.equal(facts.host.cpuType, 'ARM Neoverse-N1')
  assert.deepEqual(facts.host.cpuFlags, ['fp', 'asimd', 'aes'])
  assert.equal(facts.host.cores, 2)
})

test('a hybrid CPU has cores of two kinds, and turbo that differs a little makes no third', () => {
  const facts = read({
    'proc/cpuinfo': x86(4, '13th Gen Intel(R) Core(TM) i7-1365U', 'fpu'),
    ...topology(4, (cpu) => ({ siblings: cpu < 2 ? '0-1' : String(cpu), socket: 0 })),
    ...Object.fromEntries(
      [5200000, 5000000, 3900000, 3900000].map((kHz, i) => [`${CPU}/cpu${i}/cpufreq/cpuinfo_max_freq`, String(kHz)]),
    ),
  })
  assert.equal(value(facts, 'coreKinds'), 2)
  // Threads 0 and 1 share a core; 2 and 3 are cores without a second thread.
  assert.equal(facts.host.cores, 3)
})

test('a VM without frequency, link speed or a disk of its own says what it does not know', () => {
  const facts = read({
    'proc/cpuinfo': x86(2, 'Intel(R) Xeon(R) Processor', 'fpu hypervisor').replaceAll(/cpu MHz.*\n/g, ''),
    'sys/class/net/eth0/speed': '-1',
    'sys/class/net/eth0/operstate': 'up',
    [MOUNTS]: '22 1 254:0 / / rw - ext4 /dev/vda rw',
    ...disk('vda', '254:0', 'devices/pci0/virtio1/block/vda', '1'),
  })
  assert.equal(facts.isVirtualised, true)
  assert.equal(value(facts, 'mhz'), undefined)
  assert.equal(facts.host.storageType, undefined)
  assert.deepEqual(
    facts.doubts.map(({ what }) => what),
    ['memoryBytes', 'storageType', 'networkBytesPerSec'],
  )
})

test('CPUs that are switched off do not count', () => {
  const facts = read({
    ...topology(4, (cpu) => ({ siblings: String(cpu), socket: 0 })),
    [`${CPU}/cpu3/online`]: '0',
    [`${CPU}/cpu2/online`]: '1',
  })
  assert.equal(facts.host.cores, 3)
})

test('the storage under a folder: by mount point, through partitions and mapped devices, over the network', () => {
  const mounts = [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 259:1 / /var/lib/images rw - xfs /dev/nvme0n1p1 rw',
    '3 1 253:0 / /srv rw - ext4 /dev/mapper/vg-srv rw',
    '4 1 0:50 / /mnt/nfs rw - nfs4 filer:/x rw',
    '5 1 0:51 / /tmp rw - tmpfs tmpfs rw',
    '6 1 8:16 / /san rw - ext4 /dev/sdb rw',
    '7 1 0:52 / /with\\040blank rw - cifs //x/y rw',
  ]
  const files = {
    [MOUNTS]: mounts.join('\n'),
    ...disk('sda', '8:0', 'devices/pci0/ata1/block/sda', '1'),
    'sys/devices/pci0/ata1/block/sda/sda1/partition': '1',
    ...disk('nvme0n1', '259:0', 'devices/pci0/nvme/nvme0/nvme0n1', '0'),
    'sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p1/partition': '1',
    ...disk('dm-0', '253:0', 'devices/virtual/block/dm-0', '0'),
    'sys/devices/virtual/block/dm-0/slaves/nvme0n1/x': '',
    'sys/devices/virtual/block/dm-0/slaves/sda/x': '',
    ...disk('sdb', '8:16', 'devices/platform/host7/session1/target/block/sdb', '1'),
  }
  const links = {
    'sys/dev/block/8:1': 'sys/devices/pci0/ata1/block/sda/sda1',
    'sys/dev/block/259:1': 'sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p1',
  }
  const kind = (folder: string) => read(files, folder, links).host.storageType
  assert.equal(kind('/home'), 'hdd')
  assert.equal(kind('/var/lib/images/vm1'), 'nvme')
  assert.equal(kind('/var/lib/imagesX'), 'hdd')
  // A mapped device is as fast as the slowest beneath it.
  assert.equal(kind('/srv'), 'hdd')
  assert.equal(kind('/mnt/nfs'), 'network')
  assert.equal(kind('/tmp'), undefined)
  assert.equal(kind('/san'), 'network')
  assert.equal(kind('/with blank/x'), 'network')
})

test('broken files are facts that nobody knows', () => {
  const rubbish = ['', '\0\0', 'ÿ'.repeat(10_000), ':::\n\n:::', '-5', 'NaN', '1e999', 'processor: x']
  for (const text of rubbish) {
    const facts = read({
      'proc/cpuinfo': text,
      'proc/meminfo': text,
      [MOUNTS]: text,
      'sys/class/dmi/id/product_name': text,
      'sys/class/net/eth0/speed': text,
      ...topology(2, () => ({ siblings: text, socket: 0 })),
      ...cache('cpu0', 3, text, text),
    })
    assert.equal(facts.host.memoryBytes, undefined)
    assert.equal(facts.host.networkBytesPerSec, undefined)
    assert.deepEqual(parseConclusion(JSON.parse(JSON.stringify(facts.host)), 'host'), facts.host)
  }
})

test('a machine that shows nothing at all is measured as far as it goes', () => {
  const facts = read({})
  assert.deepEqual(facts.host, {})
  assert.deepEqual(
    facts.doubts.map(({ what }) => what),
    ['cores', 'memoryBytes', 'storageType', 'networkBytesPerSec'],
  )
})

test('this machine is read without an error', () => {
  const facts = readHostFacts(nodeFactFiles(), '/')
  assert.ok((facts.host.cores ?? 0) >= 1)
  assert.ok((facts.host.memoryBytes ?? 0) > 2 ** 20)
})

test('corrections are as strict as a host’s own fields, and name the value', () => {
  assert.deepEqual(parseCorrection('storageType=nvme'), { storageType: 'nvme' })
  assert.deepEqual(parseCorrection('cores=32'), { cores: 32 })
  assert.deepEqual(
    parseCorrection('powerWatts=1,2,3,4,5,6,7,8,9,10,11').powerWatts,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  )
  for (const wrong of [
    '',
    'cores',
    'cores=',
    'cores=many',
    'cores=0',
    'colour=red',
    'storageType=tape',
    'powerWatts=1,2',
    '=5',
  ])
    assert.throws(() => parseCorrection(wrong), { name: 'ParseError' }, wrong)
  assert.deepEqual(parseCorrections('{"memoryBytes": 1024}', 'file'), { memoryBytes: 1024 })
  assert.throws(
    () => parseCorrections('{"memorybytes": 1024}', 'file'),
    /file.memorybytes: 1024 is not usable. Unknown field/,
  )
})

type Files = Readonly<Record<string, string>>

function read(files: Files, folder = '/', links: Files = {}): HostFacts {
  const root = mkdtempSync(join(tmpdir(), 'ethos-test-facts-'))
  for (const [path, text] of Object.entries(files)) {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    if (text.startsWith('-> ')) symlinkSync(join(root, text.slice(3)), target)
    else writeFileSync(target, `${text}\n`)
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    symlinkSync(join(root, target), join(root, path))
  }
  try {
    return readHostFacts(nodeFactFiles(root), folder)
  } finally {
    rmSync(root, { recursive: true })
  }
}

function value({ facts }: HostFacts, name: string) {
  return facts.find((fact) => fact.name === name)?.value
}

function x86(threads: number, model: string, flags: string): string {
  const one = (i: number) =>
    `processor\t: ${i}\nmodel name\t: ${model}\nmicrocode\t: 0x1\ncpu MHz\t\t: 2400.000\nphysical id\t: 0\ncore id\t\t: ${i}\nflags\t\t: ${flags}\n`
  return Array.from({ length: threads }, (_, i) => one(i)).join('\n')
}

function topology(threads: number, of: (cpu: number) => { siblings: string; socket: number }): Files {
  return Object.fromEntries(
    Array.from({ length: threads }, (_, cpu) => cpu).flatMap((cpu) => [
      [`${CPU}/cpu${cpu}/topology/thread_siblings_list`, of(cpu).siblings],
      [`${CPU}/cpu${cpu}/topology/physical_package_id`, String(of(cpu).socket)],
    ]),
  )
}

function cache(cpu: string, level: number, size: string, shared: string): Files {
  const folder = `${CPU}/${cpu}/cache/index${level}`
  return {
    [`${folder}/level`]: String(level),
    [`${folder}/type`]: 'Unified',
    [`${folder}/size`]: size,
    [`${folder}/shared_cpu_list`]: shared,
  }
}

/** A block device in /sys, by number and by name. */
function disk(name: string, device: string, path: string, rotational: string): Files {
  return {
    [`sys/${path}/queue/rotational`]: rotational,
    [`sys/dev/block/${device}`]: `-> sys/${path}`,
    [`sys/class/block/${name}`]: `-> sys/${path}`,
  }
}
