/** The benchmarks of the suite: what each runs, and how its output is read. A name stands for exactly these words. */
import type { WorkloadType } from '../../terms/host.ts'
import { GiB, MiB } from '../../terms/units.ts'
import {
  readFio,
  readIperf,
  readOpensslBytes,
  readOpensslSigns,
  readStressNg,
  readSysbenchEvents,
  readSysbenchMemory,
} from './outputs.ts'
import type { ToolName } from './tools.ts'

/** What the words depend on. */
export interface BenchmarkPlace {
  readonly threads: number
  /** Bytes that hold all caches: memory is measured beyond them. */
  readonly lastCacheBytes?: number
  readonly memoryBytes?: number
  /** A folder of our own, in which tools run: stress-ng demands one that it may write to. */
  readonly scratch: string
  readonly disk?: DiskPlace
  readonly network?: { readonly peer: string; readonly port: number; readonly isLoopback: boolean }
}

export interface DiskPlace {
  readonly file: string
  readonly fileBytes: number
  /** Whether the filesystem lets us pass by the page cache. */
  readonly isDirect: boolean
}

export interface Benchmark {
  readonly name: string
  readonly workloadType: WorkloadType
  readonly cores: 'one' | 'all'
  readonly tool: ToolName
  readonly unit: string
  readonly better: 'more' | 'less'
  /** What one run takes, starting and ending included, as measured. */
  readonly ms: number
  /** Runs in the suite of 45 s, too. */
  readonly isQuick: boolean
  /** Runs beside other work: at every step, at the one step of the quick suite too, or at rest only. */
  readonly loadSteps: 'every' | 'whole' | 'none'
  readonly needs?: 'disk' | 'network'
  /** stress-ng leaves its answer in a file. */
  readonly answersInFile?: true
  words(place: BenchmarkPlace): readonly string[]
  read(output: string): number
  note?(place: BenchmarkPlace): string | undefined
}

type Traits = Pick<Benchmark, 'isQuick' | 'loadSteps'>
const QUICK: Traits = { isQuick: true, loadSteps: 'every' }
const QUICK_AT_REST: Traits = { isQuick: true, loadSteps: 'none' }
const QUICK_THEN_WHOLE: Traits = { isQuick: true, loadSteps: 'whole' }
const WHOLE: Traits = { isQuick: false, loadSteps: 'whole' }
const AT_REST: Traits = { isQuick: false, loadSteps: 'none' }

/** Items of a list in random order whose nodes do not fit in private caches: each step waits for memory. */
const LIST_ITEMS = 1_000_000
/** Four rounds, however long they take: after a second, a slow machine would be in the midst of its first. */
const LIST_WORDS = ['--randlist', '1', '--randlist-compact', '--randlist-size', '64', '--randlist-ops', '4']
/** Sizes a block of memory that is read must have to lie beyond the caches, within reason. */
const BLOCK_BYTES = { least: 256 * MiB, most: GiB }

/** Those first that tell most of the others, and of the load of neighbours (docs/benchmarks-chosen.md): who stops the suite in its first
 *  round has them. The quick suite is these, and one for each further kind of work that fits into its time. */
export const BENCHMARKS: readonly Benchmark[] = [
  {
    ...sysbenchMemory('memory-bandwidth', 'memory-bandwidth', QUICK),
    cores: 'all',
    ms: 1150,
    words: (place) => memoryWords(place.threads, blockBytesOf(place)),
    note: (place) => noteOnBlock(place),
  },
  stressNg('system-call', 'system-call', 'null', QUICK_THEN_WHOLE, ['--null', '1']),
  sysbenchCpu('all', QUICK_AT_REST),
  sysbenchCpu('one', QUICK),
  // Beside load it would see what integer work sees: a share of the time of the core.
  stressNg('floating-point-one', 'floating-point', 'cpu', AT_REST, ['--cpu', '1', '--cpu-method', 'matrixprod']),
  {
    ...stressNg('floating-point-all', 'floating-point', 'cpu', QUICK_AT_REST, []),
    cores: 'all',
    words: (place) => stressNgWords(place, ['--cpu', String(place.threads), '--cpu-method', 'matrixprod']),
  },
  opensslCipher('aes-256-gcm', QUICK_THEN_WHOLE),
  opensslCipher('chacha20-poly1305', AT_REST),
  opensslCipher('sha256', AT_REST),
  opensslSign('ecdsap256', AT_REST),
  opensslSign('rsa2048', AT_REST),
  // Text each time: left to itself stress-ng draws a kind of data for each block, and results differ eightfold.
  stressNg('compression-zlib', 'compression', 'zlib', QUICK_THEN_WHOLE, ['--zlib', '1', '--zlib-method', 'text']),
  {
    ...stressNg('memory-latency', 'memory-latency', 'randlist', QUICK_THEN_WHOLE, []),
    ms: 1350,
    unit: 'ns/step',
    better: 'less',
    words: (place) => stressNgWords(place, [...LIST_WORDS, '--randlist-items', String(LIST_ITEMS)], 3),
    // By its own CPU time: what neighbours take of the core is told by the others, what they do to memory by this.
    read: (output) => 1e9 / (readStressNg(output, 'randlist', 'bogo-ops-per-second-usr-sys-time') * LIST_ITEMS),
  },
  {
    ...sysbenchMemory('cache', 'cache', AT_REST),
    words: () => memoryWords(1, MiB / 4),
  },
  {
    ...stressNg('context-switch', 'context-switch', 'switch', WHOLE, ['--switch', '1']),
    unit: 'ns/switch',
    better: 'less',
    read: (output) => readStressNg(output, 'switch', 'nanosecs-per-context-switch-pipe-method'),
  },
  disk('sequential', 'read', 1, AT_REST),
  disk('sequential', 'read', 8, QUICK_THEN_WHOLE),
  disk('sequential', 'read', 32, AT_REST),
  disk('sequential', 'write', 8, AT_REST),
  disk('random', 'read', 1, AT_REST),
  disk('random', 'read', 8, QUICK_THEN_WHOLE),
  disk('random', 'read', 32, AT_REST),
  disk('random', 'write', 8, AT_REST),
  {
    name: 'network-tcp',
    workloadType: 'network',
    cores: 'one',
    tool: 'iperf3',
    unit: 'bytes/s',
    better: 'more',
    ms: 1250,
    ...WHOLE,
    needs: 'network',
    words: ({ network }) => ['-c', network?.peer ?? '', '-p', String(network?.port ?? 0), '-J', '-t', '1'],
    read: readIperf,
    note: ({ network }) =>
      network?.isLoopback === true ? 'over loopback only: says what the CPU can move, nothing of the link' : undefined,
  },
]

function sysbenchCpu(cores: 'one' | 'all', traits: Traits): Benchmark {
  return {
    name: `integer-${cores}`,
    workloadType: 'integer',
    cores,
    tool: 'sysbench',
    unit: 'events/s',
    better: 'more',
    ms: 1050,
    ...traits,
    words: ({ threads }) => [
      'cpu',
      `--threads=${cores === 'one' ? 1 : threads}`,
      '--cpu-max-prime=10000',
      '--time=1',
      'run',
    ],
    read: readSysbenchEvents,
  }
}

function sysbenchMemory(name: string, workloadType: WorkloadType, traits: Traits): Benchmark {
  return {
    name,
    workloadType,
    cores: 'one',
    tool: 'sysbench',
    unit: 'MiB/s',
    better: 'more',
    ms: 1050,
    ...traits,
    words: () => [],
    read: readSysbenchMemory,
  }
}

function memoryWords(threads: number, blockBytes: number): readonly string[] {
  const block = [`--memory-block-size=${blockBytes}`, '--memory-total-size=1000T', '--memory-oper=read']
  return ['memory', `--threads=${threads}`, ...block, '--memory-access-mode=seq', '--time=1', 'run']
}

/** A power of two, as sysbench demands: beyond the last cache, at least 256 MiB, at most a gibibyte and an eighth of the memory. */
function blockBytesOf({ lastCacheBytes, memoryBytes }: BenchmarkPlace): number {
  const wanted = Math.max(BLOCK_BYTES.least, lastCacheBytes ?? 0)
  const allowed = Math.min(BLOCK_BYTES.most, memoryBytes === undefined ? BLOCK_BYTES.least : memoryBytes / 8)
  return 2 ** Math.max(20, Math.min(Math.ceil(Math.log2(wanted)), Math.floor(Math.log2(allowed))))
}

function noteOnBlock(place: BenchmarkPlace): string | undefined {
  if (place.lastCacheBytes === undefined || blockBytesOf(place) > place.lastCacheBytes) return undefined
  return `read ${blockBytesOf(place) / MiB} MiB, which the last cache (${Math.round(place.lastCacheBytes / MiB)} MiB) may hold`
}

function stressNg(
  name: string,
  workloadType: WorkloadType,
  stressor: string,
  traits: Traits,
  words: readonly string[],
): Benchmark {
  return {
    name,
    workloadType,
    cores: 'one',
    tool: 'stress-ng',
    unit: 'ops/s',
    better: 'more',
    ms: 1050,
    ...traits,
    answersInFile: true,
    words: (place) => stressNgWords(place, words),
    read: (output) => readStressNg(output, stressor, 'bogo-ops-per-second-real-time'),
  }
}

/** Where stress-ng leaves its answer. */
export function answerFileOf({ scratch }: Pick<BenchmarkPlace, 'scratch'>): string {
  return `${scratch}/answer.yaml`
}

function stressNgWords(place: BenchmarkPlace, words: readonly string[], seconds = 1): readonly string[] {
  return [...words, '--timeout', String(seconds), '--metrics', '--yaml', answerFileOf(place)]
}

/** By the clock: openssl counts its own CPU time otherwise, from which neighbours take nothing. */
function opensslCipher(cipher: string, traits: Traits): Benchmark {
  return {
    name: `crypto-${cipher}`,
    workloadType: 'crypto',
    cores: 'one',
    tool: 'openssl',
    unit: 'bytes/s',
    better: 'more',
    ms: 1030,
    ...traits,
    words: () => ['speed', '-mr', '-elapsed', '-seconds', '1', '-bytes', '16384', '-evp', cipher],
    read: readOpensslBytes,
  }
}

/** Signing and verifying take a second each; openssl offers no half of it. */
function opensslSign(key: string, traits: Traits): Benchmark {
  return {
    name: `crypto-sign-${key}`,
    workloadType: 'crypto',
    cores: 'one',
    tool: 'openssl',
    unit: 'signs/s',
    better: 'more',
    ms: 2050,
    ...traits,
    words: () => ['speed', '-mr', '-elapsed', '-seconds', '1', key],
    read: readOpensslSigns,
  }
}

function disk(pattern: 'sequential' | 'random', direction: 'read' | 'write', depth: number, traits: Traits): Benchmark {
  const isRandom = pattern === 'random'
  return {
    name: `disk-${pattern}-${direction}-qd${depth}`,
    workloadType: `disk-${pattern}`,
    cores: 'one',
    tool: 'fio',
    unit: isRandom ? 'IO/s' : 'bytes/s',
    better: 'more',
    ms: 850,
    ...traits,
    needs: 'disk',
    words: (place) => [
      ...fioWords(place.disk),
      `--rw=${isRandom ? 'rand' : ''}${direction}`,
      `--bs=${isRandom ? '4k' : '1M'}`,
      `--iodepth=${depth}`,
      '--runtime=500ms',
      '--time_based',
    ],
    read: (output) => readFio(output, direction, isRandom ? 'iops' : 'bw_bytes'),
    note: ({ disk: where }) =>
      where?.isDirect === false
        ? 'through the page cache: this filesystem takes no direct IO, so memory answers in part'
        : undefined,
  }
}

/** The words that every run of fio has. */
export function fioWords(where: DiskPlace | undefined): readonly string[] {
  return [
    '--name=ethos-bench',
    `--filename=${where?.file ?? ''}`,
    `--size=${where?.fileBytes ?? 0}`,
    '--ioengine=libaio',
    `--direct=${where?.isDirect === true ? 1 : 0}`,
    '--allow_file_create=0',
    '--randrepeat=1',
    '--group_reporting',
    '--output-format=json',
  ]
}
