/** Real libvirt hosts and guests on this machine, for tests: what `testbed/testbed.sh` does, as values. Needs root. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync, type StdioOptions } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bridgeOf, canMakeHosts, freeNetwork } from '../../src/apps/demo/networks.ts'
import { buildAgent } from '../build-agent.ts'
import { REPOSITORY } from '../repository.ts'
import { Guest, type GuestOrder } from './guest.ts'

const run = promisify(execFile)
const SCRIPTS = join(REPOSITORY, 'testbed')
/** Where guests' images are kept from run to run. */
export const IMAGES = join(REPOSITORY, 'build', 'testbed')
/** Programs from Debian's packages; `tools/debian-packages.ts` installs them. */
const NEEDED = [
  '/usr/sbin/libvirtd',
  '/usr/bin/virsh',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/mmdebstrap',
  '/usr/bin/gcc',
  '/usr/bin/openssl',
  '/usr/bin/cpio',
  '/usr/bin/ip',
  '/usr/sbin/modprobe',
  '/usr/sbin/mkfs.ext4',
  '/usr/bin/busybox',
  '/usr/lib/postgresql/15/bin/pgbench',
]
/** Paths of local sockets end at 107 characters, and libvirt adds some 70 of its own. */
const FOLDER_LENGTH_MAX = 32
/** Size of a guest's own disk; what is never written takes no room. */
const DATA_MIB = 512
const MOVE_MS_MAX = 120_000

/** Several testbeds may be up at a time, each with a network of its own. */
const NETWORKS = [1, 2, 3, 4]

/** Words of `testbed.sh`, and what is to be undone afterwards by another: a link's limit, a cable, a host's power and CPU, its libvirtd, a guest's QEMU. */
export type Disturbance =
  | readonly ['link' | 'cpu-cap', host: string, limit: string]
  | readonly ['cut' | 'mend' | 'power-off' | 'host-up', host: string]
  | readonly ['daemon', host: string, what: 'start' | 'stop' | 'kill']
  | readonly ['vm-kill', host: string, vm: string]

/** Why no testbed can be had here; false where one can. */
export function whyNoTestbed(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make hosts of namespaces'
  if (arch() !== 'x64') return 'the guests are x86_64 machines'
  const missing = NEEDED.filter((file) => !existsSync(file))
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`
  return canMakeHosts() ? false : 'this root may not make hosts of namespaces and bridges'
}

/** Returns the path of the agent's executable. */
function buildAllGuests(): string {
  const { executable } = buildAgent()
  if (executable === undefined) throw new Error('there is no executable agent for this processor')
  execFileSync(join(SCRIPTS, 'build-debian-guest.sh'), [IMAGES], { stdio: 'pipe' })
  return executable
}

/** Undefined where there is none any more. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The words of a process; none where it has ended. */
function wordsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
  } catch {
    return []
  }
}

export class Testbed {
  readonly folder: string
  private readonly environment: NodeJS.ProcessEnv
  private readonly net: string
  /** The executable that Debian guests run: always that of this clone. Absent where there are to be small guests alone. */
  private readonly agent: string | undefined

  private constructor(folder: string, net: string, agent: string | undefined) {
    this.agent = agent
    this.folder = folder
    this.net = net
    this.environment = {
      ...process.env,
      TESTBED_STATE: folder,
      TESTBED_GUEST: IMAGES,
      TESTBED_NET: net,
      TESTBED_BRIDGE: bridgeOf(net),
    }
  }

  /** Builds the guests' images where they are missing, and starts so many hosts. They are gone with `down`.
   *  @param guests `small`: no Debian guest is to run there, so that neither its image nor an agent is made */
  static async up(hosts: number, guests: 'small' | 'all' = 'all'): Promise<Testbed> {
    execFileSync(join(SCRIPTS, 'build-guest.sh'), [IMAGES], { stdio: 'pipe' })
    const executable = guests === 'all' ? buildAllGuests() : undefined
    const net = freeNetwork(NETWORKS)
    const folder = mkdtempSync(join(tmpdir(), 'etb-'))
    if (folder.length > FOLDER_LENGTH_MAX) throw new Error(`${folder} is too long for sockets of libvirt. Set TMPDIR.`)
    const testbed = new Testbed(folder, net, executable)
    // However this process ends, nothing of the hosts is to stay; asked again, `down` does nothing.
    process.once('exit', () => testbed.downNow())
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))
    await testbed.tell('up', String(hosts))
    return testbed
  }

  /** Address at which guests reach this machine. */
  get address(): string {
    return `${this.net}.1`
  }

  /** Address of a guest. */
  addressOf(vm: string): string {
    return `${this.net}.${100 + Number(vm.replaceAll(/\D/g, ''))}`
  }

  /** Folders in which the hosts' libvirt keeps the channels of guests. */
  channelFolders(hosts: readonly string[]): readonly string[] {
    return hosts.map((host) => join(this.folder, 'hosts', host, 'lib', 'qemu', 'channel', 'target'))
  }

  /** Boots a Debian guest with the agent, as ordered. Returns once its commands are answered. */
  async startGuest(host: string, order: GuestOrder): Promise<Guest> {
    const seed = join(this.folder, `${order.vm}.seed`)
    const disk = join(this.folder, `${order.vm}.img`)
    if (this.agent === undefined) throw new Error('this testbed was started for small guests alone')
    execFileSync(join(SCRIPTS, 'seed-guest.sh'), [IMAGES, seed, this.agent], { stdio: 'pipe' })
    writeFileSync(join(seed, 'ethos', 'agent.conf'), order.settings, { mode: 0o644 })
    if (order.token !== undefined) writeFileSync(join(seed, 'ethos', 'join-token'), `${order.token}\n`, { mode: 0o644 })
    await this.tell('data-disk', disk, String(DATA_MIB), seed)
    rmSync(seed, { recursive: true })
    await this.tell('vm-start', host, order.vm, 'debian=1', `mem=${order.memoryMiB ?? 512}`, `data=${disk}`)
    const guest = new Guest(this, order.vm, host)
    await guest.isUp()
    return guest
  }

  /** Live migration, peer to peer. The disk is on this machine, which libvirt can not know: hence `--unsafe`. */
  async migrate(vm: string, from: string, to: string): Promise<void> {
    await this.tell('migrate', vm, from, to, '--p2p', '--unsafe')
  }

  /** Runs `virsh` against a host. */
  virsh(host: string, ...words: readonly string[]): Promise<string> {
    return this.tell('virsh', host, ...words)
  }

  /** Runs a program in a host to its end. */
  inHost(host: string, ...words: readonly string[]): Promise<string> {
    return this.tell('exec', host, ...words)
  }

  /** Where a host's libvirt is asked. */
  async uri(host: string): Promise<string> {
    return (await this.tell('uri', host)).trim()
  }

  /** Where one host's libvirt reaches another's, and whoever is in its network. */
  networkUri(host: string): string {
    return `qemu+tcp://${this.hostAddress(host)}/system`
  }

  /** The same by certificate. The folder of keys is the same path here and within each host. */
  secureUri(host: string): string {
    const keys = join(this.folder, 'hosts', host, 'etc', 'pki')
    return `${this.networkUri(host).replace('tcp', 'tls')}?pkipath=${keys}`
  }

  /** Boots the small guest: no agent, some load. @param options of `testbed.sh vm-start` */
  async startSmallGuest(host: string, vm: string, ...options: readonly string[]): Promise<void> {
    await this.tell('vm-start', host, vm, 'cpu=20', 'dirty=2', ...options)
  }

  /** Address of a host. */
  hostAddress(host: string): string {
    return `${this.net}.${10 + Number(host.replaceAll(/\D/g, ''))}`
  }

  /** Breaks something, or mends it. */
  async disturb(...words: Disturbance): Promise<void> {
    await this.tell(...words)
  }

  /** Starts a program in a host: with its files, its network and its part of the processors. It ends with the host at the latest. */
  spawn(host: string, words: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn(join(SCRIPTS, 'testbed.sh'), ['exec', host, ...words], { env: this.environment, stdio })
  }

  /** Guests that have a QEMU process on a host, as the kernel tells and not libvirt. None on a host that is down. */
  qemus(host: string): readonly string[] {
    const path = join(this.folder, 'hosts', host, 'init.pid')
    if (!existsSync(path)) return []
    const namespace = linkOf(`/proc/${readFileSync(path, 'utf8').trim()}/ns/pid`)
    if (namespace === undefined) return []
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || linkOf(`/proc/${pid}/ns/pid`) !== namespace) return []
      const [program = '', , name = ''] = wordsOf(pid)
      const guest = /^guest=([^,]+)/.exec(name)?.[1]
      return guest !== undefined && /qemu-system/.test(program) ? [guest] : []
    })
  }

  /** CPU time that a host and all it runs have used, in ms. */
  async cpuTimeMs(host: string): Promise<number> {
    return Number(await this.tell('cpu-time', host)) / 1e6
  }

  /** The same at once, from the kernel's own files. */
  cpuTimeNowMs(host: string): number {
    const group = `${bridgeOf(this.net)}-${host}`
    const old = join('/sys/fs/cgroup/cpuacct', group, 'cpuacct.usage')
    if (existsSync(old)) return Number(readFileSync(old, 'utf8')) / 1e6
    const text = readFileSync(join('/sys/fs/cgroup', group, 'cpu.stat'), 'utf8')
    return Number(/^usage_usec (\d+)$/m.exec(text)?.[1]) / 1e3
  }

  /** What a host's libvirtd has written to its log: every call of a client, with the name of the VM. */
  daemonLog(host: string): string {
    const path = join(this.folder, 'hosts', host, 'log', 'libvirtd.log')
    return existsSync(path) ? readFileSync(path, 'latin1') : ''
  }

  /** Path of the host's end of a channel of a guest. */
  async channel(host: string, vm: string, name: string): Promise<string> {
    return (await this.tell('channel', host, vm, name)).trim()
  }

  /** What a guest wrote to its serial console on a host. */
  serial(host: string, vm: string): string {
    const path = join(this.folder, 'hosts', host, 'log', 'qemu', `${vm}.serial`)
    return existsSync(path) ? readFileSync(path, 'latin1') : ''
  }

  async down(): Promise<void> {
    await this.tell('down')
    // Whoever still looks into the store of a server there may make a file meanwhile.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  /** The same for a process that is about to end. */
  private downNow(): void {
    if (!existsSync(this.folder)) return
    spawnSync(join(SCRIPTS, 'testbed.sh'), ['down'], { env: this.environment, stdio: 'ignore' })
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async tell(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(join(SCRIPTS, 'testbed.sh'), [...words], {
      env: this.environment,
      encoding: 'utf8',
      timeout: MOVE_MS_MAX,
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  }
}
