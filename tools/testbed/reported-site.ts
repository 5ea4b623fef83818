/** Real hosts with a reporter each and one server, all started and asked as an operator does it: by the command line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask, findLogin, type Login } from '../../src/apps/cli/api-client.ts'
import { ApiError } from '../../src/apps/cli/api-error.ts'
import { encodeHostMeasurement } from '../../src/terms/host-measurement-codec.ts'
import type { HostMeasurement } from '../../src/terms/host-measurement.ts'
import { parseHostId } from '../../src/terms/ids.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { REPOSITORY } from '../repository.ts'
import { Site } from './site.ts'
import { Testbed } from './testbed.ts'

const CLI = join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts')
const END_MS_MAX = 30_000
/** What VMs use is judged by finished slots of five minutes. A server goes by a host's clock where that is off by less; with one that is late by nearly a
 *  slot, what is measured now is of a slot that has just ended, and nobody waits for its end. */
const LATE_MS = SLOT_MS - 10_000
const LATE_CLOCK = `data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() - ${LATE_MS}`)}`

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** How such a site is made. */
export interface SiteWish {
  /** `small`: no Debian guest is to run there. */
  readonly guests?: 'small' | 'all'
  /** Where reporters run. `beside`: on this machine, whose counters they read and whose hosts share its cores. `within`: each in its host, which has one
   *  core and counters of its own (`ownLoad`); they are started one by one, by `enrol`. */
  readonly reporters?: 'beside' | 'within'
}

/** What the shortest bench of a small machine concludes. */
function aMeasurement(host: string, cores: number): HostMeasurement {
  return {
    schema: 1,
    hostId: parseHostId(host),
    measuredAt: Date.now(),
    durationMs: 45_000,
    suite: 'quick',
    interrupted: false,
    host: {
      model: 'testbed',
      cpuType: 'emulated',
      cpuFlags: [],
      cores,
      refCoresPerCore: 1,
      memoryBytes: totalmem(),
      storageType: 'ssd',
      networkBytesPerSec: 125_000_000,
      powerWatts: [40, 46, 52, 58, 64, 70, 76, 82, 88, 94, 100],
      benchmarks: { integer: { score: 1, unit: 'x reference', spread: 0.01 } },
    },
    facts: [],
    runs: [],
    missing: [],
    power: { powerSource: 'estimated', explanation: 'made for a test', steps: [] },
    quiet: {
      isQuiet: true,
      busyBefore: 0,
      loadPerCore: 0,
      stealShare: 0,
      busyBetweenMax: 0,
      explanation: 'made for a test',
    },
  }
}

export class ReportedSite {
  readonly testbed: Testbed
  readonly site: Site
  private readonly reporters = new Map<string, ChildProcess>()
  private login: Login | undefined
  private readonly said = new Map<string, string>()
  private readonly isWithin: boolean

  private constructor(testbed: Testbed, isWithin: boolean) {
    this.testbed = testbed
    this.isWithin = isWithin
    this.site = new Site(testbed, [], ['--turn-every', '10'])
  }

  /** Hosts, a server, a login, and a reporter on each host. @param prepare done before the server's first start */
  static async up(
    hosts: readonly string[],
    { guests = 'all', reporters = 'beside' }: SiteWish = {},
    prepare: (site: Site) => Promise<void> = async () => undefined,
  ): Promise<ReportedSite> {
    const isWithin = reporters === 'within'
    const reported = new ReportedSite(await Testbed.up(hosts.length, guests), isWithin)
    try {
      await prepare(reported.site)
      await reported.site.start()
      const { fingerprint, token } = await reported.site.firstLogin()
      await reported.good(['login', '--server', reported.site.url, '--fingerprint', fingerprint], `${token}\n`)
      if (!isWithin) for (const host of hosts) await reported.enrol(host)
      return reported
    } catch (error) {
      await reported.end()
      throw error
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.reporters.keys()].map((host) => this.endReporter(host, 'SIGTERM')))
    await this.site.kill()
    await this.testbed.down()
  }

  /** Runs `ethos` with words, logged in. */
  ethos(words: readonly string[], input = ''): Promise<Ended> {
    const env = { ...process.env, XDG_CONFIG_HOME: join(this.testbed.folder, 'config') }
    const child = spawn(process.execPath, [CLI, ...words], { env })
    let [out, err] = ['', '']
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString()))
    child.stderr.on('data', (piece: Buffer) => (err += piece.toString()))
    child.stdin.end(input)
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, out, err }))
    })
  }

  /** The same, where it has to end well. Returns what it printed. */
  async good(words: readonly string[], input = ''): Promise<string> {
    const { code, out, err } = await this.ethos(words, input)
    if (code !== 0) throw new Error(`ethos ${words.join(' ')} ended with ${code}: ${out}${err}`)
    return out
  }

  /** What the API answers, as the login of the command line; the code that a command would end with where it does not. */
  async api<T>(path: string): Promise<T | number> {
    this.login ??= findLogin({}, { XDG_CONFIG_HOME: join(this.testbed.folder, 'config') })
    try {
      return (await ask(this.login, { path })) as T
    } catch (error) {
      if (error instanceof ApiError) return error.exitCode
      throw error
    }
  }

  async startReporter(host: string): Promise<void> {
    const file = (name: string): string => join(this.testbed.folder, `${host}.${name}`)
    const words = ['reporter', '--server', this.site.url, '--host-id', host, '--state', file('state')]
    words.push('--token-file', file('token'), '--measurement', file('json'), '--every', '10')
    words.push('--maintenance-file', file('maintenance'))
    const child = this.isWithin ? this.reportWithin(host, words) : await this.reportBeside(host, words)
    child.stderr?.on('data', (piece: Buffer) => this.said.set(host, (this.said.get(host) ?? '') + piece.toString()))
    this.reporters.set(host, child)
    process.once('exit', () => child.kill('SIGKILL'))
  }

  private async reportBeside(host: string, words: readonly string[]): Promise<ChildProcess> {
    const [channels] = this.testbed.channelFolders([host])
    const where = ['--channels', channels, '--connect', await this.testbed.uri(host)]
    return spawn(process.execPath, [CLI, ...words, ...where], { stdio: ['ignore', 'ignore', 'pipe'] })
  }

  /** As it is typed on a host of libvirt. */
  private reportWithin(host: string, words: readonly string[]): ChildProcess {
    const channels = ['--channels', '/var/lib/libvirt/qemu/channel/target']
    const typed = [process.execPath, '--import', LATE_CLOCK, CLI, ...words, ...channels]
    return this.testbed.spawn(host, typed, ['ignore', 'ignore', 'pipe'])
  }

  /** What a reporter said on its standard error. */
  heardOf(host: string): string {
    return this.said.get(host) ?? ''
  }

  /** Returns how it ended: a code, or the signal. */
  async endReporter(host: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string | null> {
    const child = this.reporters.get(host)
    this.reporters.delete(host)
    if (child === undefined) return null
    if (child.exitCode !== null) return child.exitCode
    const ended = new Promise<number | string | null>((resolve) => {
      child.once('exit', (code, by) => resolve(code ?? by))
    })
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
    return ended.finally(() => clearTimeout(timer))
  }

  /** Registers a host and starts its reporter. */
  async enrol(host: string): Promise<void> {
    const measurement = join(this.testbed.folder, `${host}.json`)
    writeFileSync(measurement, encodeHostMeasurement(aMeasurement(host, this.isWithin ? 1 : cpus().length)))
    await this.good(['hosts', 'add', measurement])
    writeFileSync(join(this.testbed.folder, `${host}.token`), await this.good(['enroll', host, '--host']))
    await this.startReporter(host)
  }
}

/** Asks until there is an answer. Throws after so long, with what was waited for. */
export async function waitFor<T>(
  what: string,
  maxMs: number,
  look: () => Promise<T | undefined> | T | undefined,
  everyMs = 1000,
): Promise<T> {
  const endsAt = performance.now() + maxMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endsAt) throw new Error(`waited ${maxMs / 1000} s in vain for ${what}`)
    await pause(everyMs)
  }
}
