/** What the CPUs are: /proc/cpuinfo and /sys/devices/system/cpu, on x86 and ARM. */
import type { HostFact } from '../../terms/host-measurement.ts'
import { KiB, MiB } from '../../terms/units.ts'
import { type FactFiles, readWholeNumber } from './fact-files.ts'

export interface CpuFacts {
  readonly facts: readonly HostFact[]
  readonly flags: readonly string[]
  /** Physical cores. Absent: neither /proc nor /sys could be read. */
  readonly cores?: number
  readonly threads?: number
  readonly cpuType?: string
  readonly isVirtualised: boolean
  /** Bytes of the last level of cache of all CPUs together. */
  readonly lastCacheBytes?: number
}

const CPU_FOLDER = '/sys/devices/system/cpu'
const CPUINFO = '/proc/cpuinfo'
/** More threads than any machine has: a broken folder must not cost minutes. */
const THREADS_MAX = 8192
const FLAGS_MAX = 1000

/** ARM tells numbers, not names. Makers from the ARM architecture reference manual (MIDR_EL1); the cores that servers have. */
const ARM_MAKERS: Readonly<Record<string, string>> = {
  '0x41': 'ARM',
  '0x43': 'Cavium',
  '0x48': 'HiSilicon',
  '0x4e': 'NVIDIA',
  '0x50': 'Applied Micro',
  '0x51': 'Qualcomm',
  '0x61': 'Apple',
  '0xc0': 'Ampere',
}
const ARM_PARTS: Readonly<Record<string, string>> = {
  '0x41 0xd08': 'Cortex-A72',
  '0x41 0xd0c': 'Neoverse-N1',
  '0x41 0xd40': 'Neoverse-V1',
  '0x41 0xd49': 'Neoverse-N2',
  '0x41 0xd4f': 'Neoverse-V2',
  '0xc0 0xac3': 'Ampere-1',
  '0xc0 0xac4': 'Ampere-1a',
}

type Processor = Readonly<Record<string, string>>

export function readCpuFacts(files: FactFiles): CpuFacts {
  const processors = readProcessors(files)
  const online = files.list(CPU_FOLDER).filter((name) => isCpu(name) && isOnline(files, name))
  const threads = online.length > 0 ? online.length : processors.length > 0 ? processors.length : undefined
  const cores = countCores(files, online, processors)
  const cpuType = nameOf(processors)
  const isVirtualised = (processors[0]?.['flags'] ?? '').split(' ').includes('hypervisor')
  const flags = (processors[0]?.['flags'] ?? processors[0]?.['Features'] ?? '').split(/\s+/).filter((f) => f !== '')
  const caches = readCaches(files, online)
  return {
    facts: [
      ...fact('cpuType', cpuType, CPUINFO),
      ...fact('sockets', countSockets(files, online, processors), `${CPU_FOLDER}/cpu*/topology`),
      ...fact('cores', cores, `${CPU_FOLDER}/cpu*/topology`),
      ...fact('threads', threads, online.length > 0 ? CPU_FOLDER : CPUINFO),
      ...fact('coreKinds', countKinds(files, online), `${CPU_FOLDER}/cpu*/cpu_capacity, cpuinfo_max_freq`),
      ...fact('smt', cores === undefined || threads === undefined ? undefined : threads > cores, 'threads and cores'),
      ...speeds(files, processors),
      ...fact('microcode', processors[0]?.['microcode'], CPUINFO),
      ...caches.map(({ name, bytes }): HostFact => cacheFact(name, bytes)),
      ...fact('virtualised', processors.length === 0 ? undefined : isVirtualised, `${CPUINFO} flag hypervisor`),
    ],
    flags: flags.slice(0, FLAGS_MAX).map((flag) => flag.slice(0, 64)),
    ...(cores === undefined ? {} : { cores }),
    ...(threads === undefined ? {} : { threads }),
    ...(cpuType === undefined ? {} : { cpuType }),
    isVirtualised,
    ...(caches.length === 0 ? {} : { lastCacheBytes: caches[caches.length - 1].bytes }),
  }
}

/** A fact, unless nobody knows it. */
export function fact(
  name: HostFact['name'],
  value: HostFact['value'] | undefined,
  source: string,
  of?: string,
): readonly HostFact[] {
  if (value === undefined || value === '') return []
  const short = typeof value === 'string' ? value.slice(0, 200) : value
  return [{ name, ...(of === undefined ? {} : { of: of.slice(0, 64) }), value: short, source }]
}

function cacheFact(name: string, bytes: number): HostFact {
  return { name: 'cacheBytes', of: name, value: bytes, source: `${CPU_FOLDER}/cpu*/cache` }
}

function readProcessors(files: FactFiles): readonly Processor[] {
  const text = files.read(CPUINFO) ?? ''
  return text
    .split(/\n\s*\n/)
    .slice(0, THREADS_MAX)
    .map((part) => Object.fromEntries(part.split('\n').flatMap(readPair)))
    .filter((processor) => /^\d+$/.test(processor['processor'] ?? ''))
}

function readPair(line: string): readonly (readonly [string, string])[] {
  const colon = line.indexOf(':')
  return colon < 0 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]]
}

function isCpu(name: string): boolean {
  return /^cpu\d{1,4}$/.test(name)
}

/** The first CPU has no switch on most machines, and is on. */
function isOnline(files: FactFiles, cpu: string): boolean {
  return files.read(`${CPU_FOLDER}/${cpu}/online`) !== '0'
}

/** Threads that share a core name the same siblings. Without /sys: pairs of package and core in /proc/cpuinfo; else each thread is a core. */
function countCores(files: FactFiles, online: readonly string[], processors: readonly Processor[]): number | undefined {
  const siblings = online.flatMap((cpu) => files.read(`${CPU_FOLDER}/${cpu}/topology/thread_siblings_list`) ?? [])
  if (online.length > 0 && siblings.length === online.length) return new Set(siblings).size
  const pairs = processors.flatMap((p) => (p['core id'] === undefined ? [] : `${p['physical id']}.${p['core id']}`))
  if (processors.length > 0 && pairs.length === processors.length) return new Set(pairs).size
  const threads = Math.max(online.length, processors.length)
  return threads === 0 ? undefined : threads
}

function countSockets(files: FactFiles, online: readonly string[], processors: readonly Processor[]) {
  const packages = online.flatMap(
    (cpu) => readWholeNumber(files, `${CPU_FOLDER}/${cpu}/topology/physical_package_id`) ?? [],
  )
  const known = packages.filter((id) => id >= 0).map(String)
  const told = known.length > 0 ? known : processors.flatMap((p) => p['physical id'] ?? [])
  return told.length === 0 ? undefined : new Set(told).size
}

/** Hybrid CPUs have cores of two or three kinds: by capacity where the kernel tells it, else by highest frequency. */
function countKinds(files: FactFiles, online: readonly string[]): number | undefined {
  for (const file of ['cpu_capacity', 'cpufreq/cpuinfo_max_freq']) {
    const told = online.flatMap((cpu) => readWholeNumber(files, `${CPU_FOLDER}/${cpu}/${file}`) ?? [])
    if (told.length > 0 && told.length === online.length) return countApart(told)
  }
  return undefined
}

/** Numbers more than a tenth apart: cores of one kind differ by a few percent of turbo. */
function countApart(numbers: readonly number[]): number {
  let kinds = 0
  let last = 0
  for (const number of numbers.toSorted((a, b) => a - b)) {
    if (number <= last * 1.1 && kinds > 0) continue
    kinds++
    last = number
  }
  return kinds
}

function speeds(files: FactFiles, processors: readonly Processor[]): readonly HostFact[] {
  const mhz = Number(processors[0]?.['cpu MHz'])
  const kHzMax = readWholeNumber(files, `${CPU_FOLDER}/cpu0/cpufreq/cpuinfo_max_freq`)
  const governor = files.read(`${CPU_FOLDER}/cpu0/cpufreq/scaling_governor`)
  return [
    ...fact('mhz', Number.isFinite(mhz) && mhz > 0 ? mhz : undefined, CPUINFO),
    ...fact('mhzMax', kHzMax === undefined ? undefined : kHzMax / 1000, `${CPU_FOLDER}/cpu0/cpufreq/cpuinfo_max_freq`),
    ...fact('governor', governor, `${CPU_FOLDER}/cpu0/cpufreq/scaling_governor`),
  ]
}

function nameOf(processors: readonly Processor[]): string | undefined {
  for (const field of ['model name', 'cpu model', 'Hardware']) {
    const name = processors[0]?.[field]
    if (name !== undefined && name !== '') return name.replaceAll(/\s+/g, ' ').slice(0, 200)
  }
  const maker = processors[0]?.['CPU implementer']
  if (maker === undefined) return undefined
  const kinds = new Set(processors.map((p) => p['CPU part'] ?? '?'))
  const parts = [...kinds].map((part) => ARM_PARTS[`${maker} ${part}`] ?? `part ${part}`)
  return `${ARM_MAKERS[maker] ?? `maker ${maker}`} ${parts.slice(0, 4).join(' + ')}`
}

/** Caches by level, each counted once however many CPUs share it. */
function readCaches(files: FactFiles, online: readonly string[]): readonly { name: string; bytes: number }[] {
  const bytesOf = new Map<string, number>()
  const seen = new Set<string>()
  for (const cpu of online) {
    for (const index of files.list(`${CPU_FOLDER}/${cpu}/cache`).filter((name) => /^index\d$/.test(name))) {
      const folder = `${CPU_FOLDER}/${cpu}/cache/${index}`
      const level = readWholeNumber(files, `${folder}/level`)
      const type = files.read(`${folder}/type`)
      const bytes = parseSize(files.read(`${folder}/size`))
      if (level === undefined || bytes === undefined || type === 'Instruction') continue
      const key = `${level} ${files.read(`${folder}/shared_cpu_list`) ?? cpu}`
      if (seen.has(key)) continue
      seen.add(key)
      bytesOf.set(`L${level}`, (bytesOf.get(`L${level}`) ?? 0) + bytes)
    }
  }
  return [...bytesOf].map(([name, bytes]) => ({ name, bytes })).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function parseSize(text: string | undefined): number | undefined {
  const groups = /^(?<number>\d{1,9})(?<unit>[KM]?)$/.exec(text ?? '')?.groups
  if (groups === undefined) return undefined
  return Number(groups['number']) * (groups['unit'] === 'M' ? MiB : groups['unit'] === 'K' ? KiB : 1)
}
