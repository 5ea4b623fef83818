/** A small guest, and what is true of it whatever anybody says: which hosts have a process for it, and on which of them it executes. */
import { setTimeout as pause } from 'node:timers/promises'
import { GuestLost } from './guest.ts'
import type { Testbed } from './testbed.ts'

const BOOT_MS_MAX = 120_000
/** So many beats before anything is done to it: a guest that is moved while it boots is lost more often. */
const FIRST_BEATS = 5
/** A guest beats five times a second, and on a busy machine hardly once. */
const SILENCE_MS_MAX = 30_000
const LOOK_MS = 200

/** What is true of a guest. */
export interface Whereabouts {
  /** Hosts on which a QEMU has it, as the kernel tells. */
  readonly processes: readonly string[]
  /** Hosts whose libvirt has it with a process, and how: `running`, `paused (migration)`. */
  readonly active: Readonly<Record<string, string>>
  /** Hosts whose libvirt has it without one: definitions. */
  readonly defined: readonly string[]
  /** Hosts on which it beats: where it executes. Empty: lost, or spoilt by the emulator. */
  readonly beating: readonly string[]
  /** Its kernel panicked or found a bug. */
  readonly isSpoilt: boolean
  /** Beats that came from more than one host: proof that it executed twice. */
  readonly doubledBeats: number
}

export class SmallGuest {
  readonly vm: string
  private readonly testbed: Testbed
  private readonly hosts: readonly string[]
  /** How much each host had written before what is looked at now. */
  private marks = new Map<string, number>()

  private constructor(testbed: Testbed, vm: string, hosts: readonly string[]) {
    this.testbed = testbed
    this.vm = vm
    this.hosts = hosts
  }

  /** Boots one that is defined on a host and waits for its first beats. Throws `GuestLost` where none come. */
  static async boot(testbed: Testbed, { vm, host, hosts, options = [] }: BootOrder): Promise<SmallGuest> {
    const guest = new SmallGuest(testbed, vm, hosts)
    await testbed.startSmallGuest(host, vm, 'mem=128', 'defined=1', ...options)
    const endsAt = performance.now() + BOOT_MS_MAX
    while (guest.beats(host).length < FIRST_BEATS) {
      if (performance.now() > endsAt) throw new GuestLost(`${vm} did not boot: ${testbed.serial(host, vm).slice(-300)}`)
      await pause(LOOK_MS)
    }
    return guest
  }

  /** From here on beats are counted: a guest that comes back to a host goes on in the same file there. */
  mark(): void {
    this.marks = new Map(this.hosts.map((host) => [host, this.testbed.serial(host, this.vm).length]))
  }

  async whereabouts(): Promise<Whereabouts> {
    const beating = await this.beating()
    const each = await Promise.all(this.hosts.map((host) => this.on(host)))
    const told = this.hosts.map((host, i) => [host, each[i]] as const)
    return {
      processes: told.flatMap(([host, { isProcess }]) => (isProcess ? [host] : [])),
      active: Object.fromEntries(told.flatMap(([host, { active }]) => (active === undefined ? [] : [[host, active]]))),
      defined: told.flatMap(([host, { isDefined }]) => (isDefined ? [host] : [])),
      beating,
      isSpoilt: this.hosts.some((host) => /Kernel panic|BUG:|Oops:/.test(this.said(host))),
      doubledBeats: this.doubledBeats(),
    }
  }

  /** Ends it everywhere, and takes its definitions away. */
  async remove(): Promise<void> {
    for (const host of this.hosts)
      for (const verb of ['destroy', 'undefine']) await this.testbed.virsh(host, verb, this.vm).catch(() => undefined)
  }

  private async on(host: string): Promise<OnHost> {
    const isProcess = this.testbed.qemus(host).includes(this.vm)
    const list = await this.testbed.virsh(host, 'list', '--all', '--name').catch(() => '')
    if (!list.split('\n').includes(this.vm)) return { isProcess, isDefined: false }
    const state = (await this.testbed.virsh(host, 'domstate', this.vm, '--reason')).trim()
    return state.startsWith('shut off')
      ? { isProcess, isDefined: true }
      : { isProcess, isDefined: false, active: state }
  }

  /** Looks until it beats somewhere, and then as long again for whether it does so elsewhere too. */
  private async beating(): Promise<readonly string[]> {
    const before = new Map(this.hosts.map((host) => [host, this.beats(host).length]))
    const now = (): readonly string[] => this.hosts.filter((host) => this.beats(host).length > (before.get(host) ?? 0))
    const beganAt = performance.now()
    while (now().length === 0 && performance.now() - beganAt < this.patienceMs()) await pause(LOOK_MS)
    await pause(performance.now() - beganAt)
    return now()
  }

  /** Where no process has it there is nothing to wait for. */
  private patienceMs(): number {
    return this.hosts.some((host) => this.testbed.qemus(host).includes(this.vm)) ? SILENCE_MS_MAX : 0
  }

  private doubledBeats(): number {
    const all = this.hosts.flatMap((host) => [...new Set(this.beats(host))])
    return all.length - new Set(all).size
  }

  /** Numbers of the beats since the mark that a host wrote down whole. */
  private beats(host: string): readonly number[] {
    return [...this.said(host).matchAll(/^beat (\d+) [\d.]+\r?$/gm)].map(([, number]) => Number(number))
  }

  private said(host: string): string {
    return this.testbed.serial(host, this.vm).slice(this.marks.get(host) ?? 0)
  }
}

export interface BootOrder {
  readonly vm: string
  readonly host: string
  readonly hosts: readonly string[]
  /** Of `testbed.sh vm-start`. */
  readonly options?: readonly string[]
}

interface OnHost {
  readonly isProcess: boolean
  readonly isDefined: boolean
  readonly active?: string
}
