/** Our own corner of tracefs: instances and probes that bear our name, all of which are gone at the end. */
import { type Machine, MachineError } from '../machine.ts'

/** What is needed of the machine. */
export type TracingMachine = Pick<
  Machine,
  'readText' | 'readAt' | 'list' | 'readLink' | 'access' | 'files' | 'self' | 'monotonicMs' | 'sleep'
>

const PLACES = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] as const
/** Others may have thousands of probes. */
const EVENTS_BYTES_MAX = 4 * 1024 * 1024
/** Smallest buffer that holds a few records: what is overwritten is still counted. */
const BUFFER_KIB = 4
/** Names carry process and time of its start: what such a process left behind is told from what one that lives is using. */
const INSTANCE = /^ethos-(\d+)-(\d+)-/
const GROUP = /^ethos_(\d+)_(\d+)$/

export class Tracefs {
  readonly root: string
  private readonly machine: TracingMachine
  private readonly owner: readonly [pid: number, start: string]
  private readonly instances: string[] = []
  private readonly events: string[] = []

  constructor(machine: TracingMachine, root: string) {
    this.machine = machine
    this.root = root
    this.owner = [machine.self.pid, startOf(machine, machine.self.pid) ?? '0']
  }

  /** Name of our group of probes. */
  get group(): string {
    return `ethos_${this.owner.join('_')}`
  }

  /** A new instance, counting nothing yet; the folder. Throws `MachineError`. */
  makeInstance(name: string): string {
    const folder = `${this.root}/instances/ethos-${this.owner.join('-')}-${name}`
    this.machine.files.makeFolder(folder, 0o750)
    this.instances.push(folder)
    this.write(`${folder}/tracing_on`, '0')
    this.write(`${folder}/buffer_size_kb`, String(BUFFER_KIB))
    return folder
  }

  /** Defines a probe at an offset of a file, switched off. Throws `MachineError`: EINVAL where the kernel finds no instruction there. */
  makeProbe(name: string, path: string, offset: number): void {
    this.write(`${this.root}/uprobe_events`, `p:${this.group}/${name} ${path}:0x${offset.toString(16)}`)
    this.events.push(name)
  }

  /** Writes to one of tracefs' files, which take words rather than text. Throws `MachineError`. */
  write(path: string, words: string): void {
    const file = this.machine.files.openAppend(path, 0o640)
    try {
      file.append(bytesOf(`${words}\n`))
    } finally {
      file.close()
    }
  }

  read(path: string, bytesMax?: number): string | undefined {
    return this.machine.readText(path, bytesMax)
  }

  has(path: string): boolean {
    return this.machine.access(`${this.root}/${path}`) !== 'missing'
  }

  /** Takes off and removes all that this object made. Goes on where something can not be removed; returns what could not. */
  close(): readonly string[] {
    const left: string[] = []
    for (const folder of this.instances.splice(0)) this.attempt(left, folder, () => this.removeInstance(folder))
    for (const name of this.events.splice(0)) {
      this.attempt(left, name, () => this.write(`${this.root}/uprobe_events`, `-:${this.group}/${name}`))
    }
    return left
  }

  /** Removes what processes of ours left behind that are no more, killed in the midst of it, and what we could not remove ourselves when we were done:
   *  to be called while we have nothing in use. Returns the names of what was removed. */
  removeLeftovers(): readonly string[] {
    const removed: string[] = []
    for (const name of this.machine.list(`${this.root}/instances`) ?? []) {
      if (this.isAlive(INSTANCE.exec(name))) continue
      const folder = `${this.root}/instances/${name}`
      if (this.attempt([], folder, () => this.removeInstance(folder))) removed.push(name)
    }
    for (const line of (this.read(`${this.root}/uprobe_events`, EVENTS_BYTES_MAX) ?? '').split('\n')) {
      const [group, name] = line.slice(line.indexOf(':') + 1, line.indexOf(' ')).split('/')
      if (name === undefined || this.isAlive(GROUP.exec(group))) continue
      const isGone = this.attempt([], name, () => {
        this.write(`${this.root}/events/${group}/${name}/enable`, '0')
        this.write(`${this.root}/uprobe_events`, `-:${group}/${name}`)
      })
      if (isGone) removed.push(`${group}/${name}`)
    }
    return removed
  }

  /** The kernel takes the events of an instance off when it is removed; we do it before, so that it is not done one by one under a lock. */
  private removeInstance(folder: string): void {
    this.write(`${folder}/tracing_on`, '0')
    this.write(`${folder}/events/enable`, '0')
    this.machine.files.remove(folder)
  }

  /** Whether it is somebody else's who lives; what does not bear our name counts as such. */
  private isAlive(match: RegExpExecArray | null): boolean {
    if (match === null) return true
    const pid = Number(match[1])
    return pid !== this.machine.self.pid && startOf(this.machine, pid) === match[2]
  }

  private attempt(left: string[], what: string, act: () => void): boolean {
    try {
      act()
      return true
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      left.push(what)
      return false
    }
  }
}

/** Where tracefs is and may be used, or what is in the way. */
export function openTracefs(
  machine: TracingMachine,
): Tracefs | { readonly because: string; readonly remedy: string; readonly isDenied: boolean } {
  for (const root of PLACES) {
    const access = machine.access(`${root}/instances`)
    if (access === 'readable') return new Tracefs(machine, root)
    if (access === 'denied' || machine.access(root) === 'denied') {
      const because = `${root} may not be read by this user`
      return { because, remedy: 'only the probe helper may: enable ethos-agent-probes.timer', isDenied: true }
    }
  }
  const remedy = 'mount it: mount -t tracefs tracefs /sys/kernel/tracing (kernels with CONFIG_FTRACE have it)'
  return { because: 'tracefs is not mounted', remedy, isDenied: false }
}

/** When a process began, in ticks since boot, as text: with its number it names a process for good. Undefined if there is none. */
function startOf(machine: Pick<Machine, 'readText'>, pid: number): string | undefined {
  const text = machine.readText(`/proc/${pid}/stat`, 1024)
  if (text === undefined) return undefined
  // After the name, which may hold anything, the start is the 20th field.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
