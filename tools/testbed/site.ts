/** The server as operators run it, for guests of the testbed, and what it has kept of them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { withSite } from '../../src/apps/server/open-site.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import type { KeptReport } from '../../src/terms/host-report.ts'
import type { PersonalityVector } from '../../src/terms/personality.ts'
import type { UsageSlot } from '../../src/terms/usage.ts'
import type { Identity, JournalLine } from '../../src/world/site-store.ts'
import { REPOSITORY } from '../repository.ts'
import type { Testbed } from './testbed.ts'

const CLI = join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts')
const PORT = 8470

export class Site {
  readonly url: string
  private readonly data: string
  private readonly words: readonly string[]
  private child: ChildProcess | undefined
  private said = ''

  /** @param hosts whose channels it serves itself
   *  @param more words of the command line */
  constructor(testbed: Testbed, hosts: readonly string[], more: readonly string[] = []) {
    this.data = join(testbed.folder, 'server')
    this.url = `https://${testbed.address}:${PORT}`
    const channels = testbed.channelFolders(hosts).flatMap((folder) => ['--channels', folder])
    const listen = ['--listen', `${testbed.address}:${PORT}`, '--name', testbed.address]
    this.words = ['server', '--data', this.data, ...listen, ...channels, ...more]
  }

  /** Starts it and returns once it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [CLI, ...this.words], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    process.once('exit', () => child.kill('SIGKILL'))
    this.said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => void (this.said += bytes.toString()))
    while (!/listening/.test(this.said)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended: ${this.said}`)
      await pause(50)
    }
  }

  /** The fingerprint of its authority and the first token, as it prints them at its first start. */
  async firstLogin(): Promise<{ readonly fingerprint: string; readonly token: string }> {
    for (;;) {
      const token = /^ {2}(ethos_\S+)$/m.exec(this.said)?.[1]
      const fingerprint = /--fingerprint (\S+)/.exec(this.said)?.[1]
      if (token !== undefined && fingerprint !== undefined) return { fingerprint, token }
      await pause(50)
    }
  }

  /** Ends it as a failing machine would, without a word. */
  async kill(): Promise<void> {
    const { child } = this
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => void child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  token(vm: string): string {
    const said = execFileSync(process.execPath, [CLI, 'token', 'create', '--vm', vm, '--data', this.data], {
      encoding: 'utf8',
    })
    return said.trim().split('\n')[0].trim()
  }

  /** What VMs used in slots of the past: a judgement wants some, and nobody waits for them. Before the first start. */
  tellPast(slots: readonly UsageSlot[]): Promise<void> {
    return withSite({ data: this.data, wanted: 'made' }, (store) => store.usage.put(slots))
  }

  /** The journal's newest lines, oldest first. */
  journal(most: number): Promise<readonly JournalLine[]> {
    return withSite({ data: this.data }, (store) => store.journal.last(most))
  }

  /** The newest report of each host. */
  reports(): Promise<readonly KeptReport[]> {
    return withSite({ data: this.data }, (store) => store.hosts.reports())
  }

  /** Who brings the vectors of a VM, and whether two machines were found to be one. */
  identity(vm: string): Promise<Identity | undefined> {
    return withSite({ data: this.data }, (store) => store.identities.find(parseVmId(vm)))
  }

  /** All vectors of a VM that count, in the order in which they came. */
  vectors(vm: string): Promise<readonly PersonalityVector[]> {
    const span = { from: 0, to: Number.MAX_SAFE_INTEGER, most: 1_000_000 }
    return withSite({ data: this.data }, async (store) => {
      return (await store.vectors.history(parseVmId(vm), span)).map(({ vector }) => vector)
    })
  }
}
