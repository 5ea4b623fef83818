import type { Machine, RunResult } from '../machine.ts'
import type { RoundContext } from './part.ts'

const PLACES = ['/usr/bin/bpftrace', '/usr/sbin/bpftrace', '/usr/local/bin/bpftrace'] as const
/** Reading the kernel's types, compiling and taking off take longer on a busy machine: a run that is not over by then is killed. */
const GRACE_MS = 20_000
const OUTPUT_BYTES_MAX = 1024 * 1024

/** Where bpftrace is, if it is. */
export function findBpftrace(machine: Pick<Machine, 'access'>): string | undefined {
  return PLACES.find((path) => machine.access(path) === 'readable')
}

/** Runs a program of ours to its end, with an environment of ours. */
export function runBpftrace(
  { machine, signal }: Pick<RoundContext, 'machine' | 'signal'>,
  path: string,
  program: string,
  attachedMs: number,
): Promise<RunResult> {
  return machine.run(path, ['-f', 'json', '-e', program], {
    timeoutMs: attachedMs + GRACE_MS,
    outputBytesMax: OUTPUT_BYTES_MAX,
    environment: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
    signal,
  })
}

/** What would let bpftrace count, by what it said. The two complaints are those of Debian 12: its bpftrace wants the kernel's headers for programs, and
 *  its kernel knows a third degree of paranoia, in which CAP_PERFMON opens no event. */
export function remedyOfBpftrace(machine: Pick<Machine, 'access' | 'readText'>, complaint: string): string {
  if (findBpftrace(machine) === undefined) return 'install bpftrace and enable ethos-agent-probes.timer'
  if (complaint.includes('linux/types.h')) return 'install the headers that bpftrace wants (Debian: linux-libc-dev)'
  const paranoia = Number(machine.readText('/proc/sys/kernel/perf_event_paranoid'))
  if (paranoia > 2)
    return `set kernel.perf_event_paranoid to 2 (it is ${paranoia}), or way = auto: tracefs counts without it`
  return 'way = auto: tracefs counts where bpftrace can not'
}
