/** The demo's hosts and guests: what `testbed/testbed.sh` does, as values. Whatever happens, `down` leaves nothing behind. */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PROJECT_FOLDER } from '../../drivers/traces/data-folder.ts'
import type { Fraction } from '../../terms/units.ts'
import { bridgeOf, canMakeHosts, freeNetwork } from './networks.ts'
import type { DemoGuest } from './scenario.ts'

const run = promisify(execFile)
const SCRIPTS = join(PROJECT_FOLDER, 'testbed')
/** Where the guest's image is kept from run to run. */
const IMAGES = join(PROJECT_FOLDER, 'build', 'testbed')
/** Programs, and the Debian package of each. */
const PROGRAMS = {
  '/usr/sbin/libvirtd': 'libvirt-daemon-system',
  '/usr/bin/virsh': 'libvirt-clients',
  '/usr/bin/qemu-system-x86_64': 'qemu-system-x86',
  '/usr/bin/ip': 'iproute2',
  '/usr/bin/busybox': 'busybox-static',
  '/usr/sbin/modprobe': 'kmod',
  '/usr/bin/cpio': 'cpio',
  '/usr/bin/gcc': 'gcc libc6-dev',
} as const
/** Of 10.77.0.0/16. Those below are the tests'. */
const NETWORKS = [5, 6, 7, 8]
/** Paths of local sockets end at 107 characters, and libvirt adds some 70 of its own. */
const FOLDER_LENGTH_MAX = 32
/** The agent's executable, as `tools/build-agent.ts` leaves it. */
const AGENT = join(PROJECT_FOLDER, 'build', 'agent', 'ethos-agent')
const COMMAND_MS_MAX = 120_000
const BOOT_MS_MAX = 90_000
const COMMAND_CHANNEL = 'org.ethos.testbed.0'
/** It wakes seldom: each time costs an emulated CPU more than a real one. */
const GUEST_WORDS = 'testbed.work=serve testbed.slice=100 testbed.beat=2000'
/** Hosts go before what else this machine does: guests are to wait for their neighbours only. */
const HOST_WEIGHT = '100'
const ANSWER_MS_MAX = 2000

/** What this machine shows of itself, for the question whether the demo can be had. */
export interface MachineSigns {
  readonly userId: number | undefined
  readonly architecture: string
  readonly exists: (path: string) => boolean
  readonly canMakeHosts: () => boolean
}

export const THIS_MACHINE: MachineSigns = {
  userId: process.getuid?.(),
  architecture: arch(),
  exists: existsSync,
  canMakeHosts,
}

/** Why the demo can't be had here, and what would help; undefined where it can. */
export function whyNoStage(machine: MachineSigns = THIS_MACHINE): string | undefined {
  if (!machine.exists(join(SCRIPTS, 'testbed.sh')))
    return `The scripts that make hosts and guests are missing (${SCRIPTS}). Run it from a clone of the repository.`
  if (machine.architecture !== 'x64')
    return `This machine is ${machine.architecture}; the demo's guests are x86_64 machines. Run it on one of those.`
  if (machine.userId !== 0)
    return 'Only root can make hosts out of namespaces. Run it as root (sudo), on a machine of your own.'
  const lacking = Object.entries(PROGRAMS).filter(([file]) => !machine.exists(file))
  if (lacking.length > 0) {
    const packages = [...new Set(lacking.map(([, name]) => name))].join(' ')
    return `Not installed: ${lacking.map(([file]) => file).join(', ')}. On Debian: apt-get install --no-install-recommends ${packages}`
  }
  if (!machine.canMakeHosts())
    return 'This root may not make namespaces and bridges. In a container it takes more privileges (docker run --privileged).'
  return undefined
}

/** Why guests can't have the agent here, and what would help; undefined where they can. */
export function whyNoAgents(exists: MachineSigns['exists'] = existsSync): string | undefined {
  return exists(AGENT) ? undefined : `The agent is not built (${AGENT}). Build it first: node tools/build-agent.ts`
}

/** A guest did not boot, or fell silent. The emulator spoils some two of a hundred guests in a move; it is no fault of what moves them. */
export class GuestLost extends Error {
  override readonly name = 'GuestLost'
}

export class Stage {
  readonly folder: string
  private readonly environment: NodeJS.ProcessEnv
  private readonly hosts: readonly string[]
  private readonly hasAgents: boolean

  private constructor(hosts: readonly string[], folder: string, net: string, hasAgents: boolean) {
    this.hosts = hosts
    this.hasAgents = hasAgents
    this.folder = folder
    this.environment = {
      ...process.env,
      TESTBED_STATE: folder,
      TESTBED_GUEST: IMAGES,
      TESTBED_NET: net,
      TESTBED_BRIDGE: bridgeOf(net),
      TESTBED_WEIGHT: HOST_WEIGHT,
    }
  }

  /** Builds the guest's image, and starts the hosts. They are gone with `down`, and with this process.
   *  @param hasAgents whether an agent runs in each guest; see `whyNoAgents` */
  static async up(hosts: readonly string[], hasAgents = false): Promise<Stage> {
    // Anew each time, in seconds: a guest of an older clone costs its host otherwise than the evening reckons with.
    execFileSync(join(SCRIPTS, 'build-guest.sh'), [IMAGES, ...(hasAgents ? [AGENT] : [])], { stdio: 'pipe' })
    const net = freeNetwork(NETWORKS)
    const folder = mkdtempSync(join(tmpdir(), 'edm-'))
    if (folder.length > FOLDER_LENGTH_MAX) throw new Error(`${folder} is too long for libvirt's sockets. Set TMPDIR.`)
    const stage = new Stage(hosts, folder, net, hasAgents)
    process.once('exit', () => stage.downNow())
    await stage.tell('up', String(hosts.length))
    return stage
  }

  /** Where a host's libvirt is asked, and where another host's daemon reaches it. */
  async uriOf(host: string, transport: 'unix' | 'tcp'): Promise<string> {
    return (await this.tell('uri', host, transport)).trim()
  }

  /** Limits each host to a share of one core, on the mean of two tenths of a second: the kernel would hold it to each tenth, and guests that work in pushes
   *  would wait for a host that is half idle. */
  async limit(share: Fraction): Promise<void> {
    const percent = String(Math.round(share * 100))
    for (const name of this.hosts) await this.tell('cpu-cap', name, percent, percent)
  }

  /** Boots the guests, all at once, and waits until each beats. Where one does not, none is waited for any longer, and none is still coming afterwards. */
  async boot(guests: readonly DemoGuest[], signal: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    const note = (error: unknown): void => {
      failures.push(error)
      failed.abort()
    }
    await Promise.all(guests.map((guest) => this.bootOne(guest, either).catch(note)))
    if (failures.length > 0) throw failures[0]
  }

  /** Ends all guests, wherever they are. */
  async clear(): Promise<void> {
    for (const name of this.hosts) {
      const names = (await this.tell('virsh', name, 'list', '--name')).split('\n').filter((line) => line.trim() !== '')
      await Promise.all(names.map((vm) => this.tell('virsh', name, 'destroy', vm).catch(() => '')))
    }
    for (const path of globSync(join(this.folder, 'hosts', '*', 'log', 'qemu', '*.serial')))
      rmSync(path, { force: true })
  }

  /** Folders in which the hosts' libvirt keeps the channels of guests. */
  get channelFolders(): readonly string[] {
    return this.hosts.map((host) => join(this.folder, 'hosts', host, 'lib', 'qemu', 'channel', 'target'))
  }

  /** Sets how busy a guest is. False where it could not be told: on its way, or gone. */
  async setCpu(vm: string, host: string, share: Fraction): Promise<boolean> {
    const [path] = globSync(
      join(this.folder, 'hosts', host, 'lib', 'qemu', 'channel', 'target', `domain-*-${vm}`, COMMAND_CHANNEL),
    )
    return path !== undefined && (await say(path, `set cpu ${Math.round(share * 100)}`))
  }

  /** How many beats a guest has told on the consoles of all hosts it was on. */
  beats(vm: string): number {
    return this.serials(vm).reduce((sum, text) => sum + text.split('\nbeat ').length - 1, 0)
  }

  /** What a spoilt guest said last; undefined where nothing tells of it. */
  panicOf(vm: string): string | undefined {
    return this.serials(vm)
      .map((text) => /^.*(?:Kernel panic|BUG:).*$/m.exec(text)?.[0])
      .find((line) => line !== undefined)
  }

  async down(): Promise<void> {
    await this.tell('down').catch(() => this.downNow())
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  private async bootOne({ name, home, memoryMiB }: DemoGuest, signal: AbortSignal): Promise<void> {
    const host = this.hosts[home]
    const agent = this.hasAgents ? ['agent=1'] : []
    await this.tell('vm-start', host, name, `mem=${memoryMiB}`, 'cpu=1', 'dirty=0', `extra=${GUEST_WORDS}`, ...agent)
    const endsAt = performance.now() + BOOT_MS_MAX
    while (this.beats(name) < 2) {
      if (performance.now() > endsAt || this.panicOf(name) !== undefined)
        throw new GuestLost(`${name} did not boot on ${host}: ${this.panicOf(name) ?? 'it said nothing in time'}.`)
      await pause(200, undefined, { signal })
    }
  }

  private serials(vm: string): readonly string[] {
    return this.hosts.flatMap((name) => {
      const path = join(this.folder, 'hosts', name, 'log', 'qemu', `${vm}.serial`)
      return existsSync(path) ? [readFileSync(path, 'latin1')] : []
    })
  }

  /** For a process that is about to end: asked again, it does nothing. */
  private downNow(): void {
    if (!existsSync(this.folder)) return
    spawnSync(join(SCRIPTS, 'testbed.sh'), ['down'], { env: this.environment, stdio: 'ignore' })
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async tell(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(join(SCRIPTS, 'testbed.sh'), [...words], {
      env: this.environment,
      encoding: 'utf8',
      timeout: COMMAND_MS_MAX,
    })
    return stdout
  }
}

/** One line to a guest; true once it answered. */
function say(path: string, line: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (isHeard: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(isHeard)
    }
    const timer = setTimeout(() => end(false), ANSWER_MS_MAX)
    socket.once('connect', () => socket.write(`${line}\n`))
    socket.on('data', (bytes) => {
      if (bytes.includes('ok')) end(true)
    })
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}
