import type { Looks } from '../machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../sampler.ts'
import { lineEnd, numberAfter, perSecond, rise, startOfLine } from './scan.ts'

const MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const
const BYTES_MAX = 64 * 1024

/** The control group that the agent itself runs in, version 2: where the guest is a container, its limits and throttling. Told to people; the
 *  vector speaks of the whole VM. */
export class CgroupSampler implements Sampler {
  readonly name = 'cgroup'
  readonly isCheap = true
  private readonly looks: Looks
  private readonly folder: string | undefined
  private usageUs = Number.NaN
  private throttledUs = Number.NaN
  private lastMs = Number.NaN

  constructor(looks: Looks) {
    this.looks = looks
    this.folder = folderOf(looks)
  }

  sample(look: Look, into: ReadingWriter): void {
    if (this.folder === undefined) return
    const spanMs = look.monotonicMs - this.lastMs
    this.lastMs = look.monotonicMs
    const text = this.looks.readText(`${this.folder}/cpu.stat`, BYTES_MAX)
    const usageUs = numberAfter(text ?? '', 'usage_usec ')
    const throttledUs = numberAfter(text ?? '', 'throttled_usec ')
    if (look.wantsDetails) {
      detail(into, 'CPU', 'cores', perSecond(rise(this.usageUs, usageUs), spanMs) / 1e6)
      detail(into, 'throttled', 'fraction', perSecond(rise(this.throttledUs, throttledUs), spanMs) / 1e6)
      detail(
        into,
        'memory',
        'bytes',
        Number.parseInt(this.looks.readText(`${this.folder}/memory.current`, 64) ?? '', 10),
      )
      detail(
        into,
        'memory limit',
        'bytes',
        Number.parseInt(this.looks.readText(`${this.folder}/memory.max`, 64) ?? '', 10),
      )
    }
    this.usageUs = usageUs
    this.throttledUs = throttledUs
  }

  findings(): readonly Finding[] {
    const what = 'own control group (v2)'
    if (this.folder !== undefined) return [{ sampler: 'cgroup', what, state: 'seen', because: this.folder }]
    return [
      {
        sampler: 'cgroup',
        what,
        state: 'absent',
        because: 'the agent is in no version 2 group, or /sys/fs/cgroup can not be read',
      },
    ]
  }
}

function detail(into: ReadingWriter, name: string, unit: string, value: number): void {
  if (Number.isFinite(value)) into.detail({ name, unit, value })
}

/** `0::/system.slice/ethos-agent.service` in /proc/self/cgroup; the root group has no limits and is not one to speak of. */
function folderOf(looks: Looks): string | undefined {
  const text = looks.readText('/proc/self/cgroup', BYTES_MAX) ?? ''
  const at = startOfLine(text, '0::')
  if (at < 0) return undefined
  const path = text.slice(at + 3, lineEnd(text, at))
  if (!path.startsWith('/') || path.includes('..')) return undefined
  return MOUNTS.map((mount) => (path === '/' ? mount : mount + path)).find(
    (folder) => looks.access(`${folder}/cpu.stat`) === 'readable',
  )
}
