/** What the benchmarks of the Azure VM noise data are: short names, which columns are one run in several units, what work they stand for. */
import type { WorkloadType } from '../../src/terms/host.ts'

/** A column's names. */
export interface MetricName {
  /** With the unit: `mlc: idle latency (ns)`. */
  readonly name: string
  /** Without: columns of one benchmark are one run told in several units, and no prediction of each other. */
  readonly benchmark: string
  /** Which of our workload types it is nearest to; `application` is a whole program and none of them. */
  readonly work: WorkloadType | 'system-call' | 'application'
}

const TOOLS: Readonly<Record<string, string>> = {
  Flexible_IO_Tester: 'fio',
  Intel_Memory_Latency_Checker: 'mlc',
  OSBench: 'osbench',
  PostgreSQL: 'pgbench',
  Redis: 'redis',
  'Stress-NG': 'stress-ng',
  Sysbench: 'sysbench',
  'perf-bench': 'perf bench',
}

/** Words of the data's own names, and what they become. In this order. */
const SHORTER: readonly (readonly [RegExp, string])[] = [
  [/_/g, ' '],
  [/^(Type|Test|Benchmark): /, ''],
  [/ - Average Latency$/, ''],
  [/ - IO Engine: Linux AIO - Buffered: No - Direct: Yes - Block Size: /, ' direct '],
  [/ - IO Engine: Sync - Buffered: Yes - Direct: No - Block Size: /, ' buffered '],
  [/(\d+KB) - (\w+) Disk/, '$1 $2'],
  [/Scaling Factor: (\d+) - Clients: (\d+) - Mode: /, 'scale $1 clients $2 '],
  [/ \(TPC-B Like\)/, ''],
  [/ - Parallel Connections: 50/, ''],
  [/ +- +/g, ' '],
  [/ +/g, ' '],
]

/** Kind of work by the beginning of the short name. The first that fits counts. */
const WORK: readonly (readonly [RegExp, MetricName['work']])[] = [
  [/^fio: random/, 'disk-random'],
  [/^fio: sequential/, 'disk-sequential'],
  [/^mlc: idle latency/, 'memory-latency'],
  [/^mlc/, 'memory-bandwidth'],
  [/^osbench: create threads/, 'context-switch'],
  [/^osbench/, 'system-call'],
  [/^stress-ng: cpu cache/, 'cache'],
  [/^stress-ng: cpu stress|^stress-ng: matrix/, 'floating-point'],
  [/^stress-ng: memory/, 'memory-bandwidth'],
  [/^sysbench: cpu/, 'integer'],
  [/^sysbench/, 'memory-bandwidth'],
  [/^perf bench: epoll/, 'context-switch'],
  [/^perf bench: syscall/, 'system-call'],
  [/^perf bench/, 'memory-bandwidth'],
]

/** Short names of a column from the data's own. */
export function describeMetric(column: {
  readonly suite: string
  readonly test: string
  readonly unit: string
}): MetricName {
  const tool = TOOLS[column.suite] ?? column.suite
  const test = SHORTER.reduce((text, [pattern, word]) => text.replace(pattern, word), column.test)
  const benchmark = `${tool}: ${test.toLowerCase()}`
  const unit = column.unit.replaceAll('_', '/')
  const work = WORK.find(([pattern]) => pattern.test(benchmark))?.[1] ?? 'application'
  return { name: `${benchmark} (${unit})`, benchmark, work }
}
