/** Debian's libvirtd for tests: a user's own daemon in a folder of its own, with libvirt's test driver, over a socket, TCP and TLS. It runs no VM and
 *  touches nothing of the machine's libvirt. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  freePort,
  type RunningServer,
  type ServerFolder,
  serverFolder,
  skipWithout,
  startServer,
  userIds,
} from './real-servers.ts'
import { TestAuthority, withoutCertificates } from './test-certificates.ts'

const DAEMON = '/usr/sbin/libvirtd'
const VIRSH = '/usr/bin/virsh'
const HELPER = '/usr/bin/virt-ssh-helper'
/** Why tests that need libvirt are skipped; false where they are not. */
export const withoutLibvirt = skipWithout(DAEMON, VIRSH, HELPER) || withoutCertificates

const USER = 'nobody'

export class LibvirtDaemon {
  readonly folder: ServerFolder
  readonly pki: string
  private readonly tcpPort: number
  private readonly tlsPort: number
  private server: RunningServer | undefined

  private constructor(folder: ServerFolder, tcpPort: number, tlsPort: number) {
    this.folder = folder
    this.tcpPort = tcpPort
    this.tlsPort = tlsPort
    this.pki = join(folder.path, 'pki')
  }

  static async start(): Promise<LibvirtDaemon> {
    const daemon = new LibvirtDaemon(serverFolder(USER), await freePort(), await freePort())
    const authority = new TestAuthority(daemon.pki)
    authority.sign('server', 'IP:127.0.0.1,DNS:localhost')
    authority.sign('client')
    for (const file of readdirSync(daemon.pki)) chmodSync(join(daemon.pki, file), 0o644)
    for (const name of ['run', 'home', 'cache', 'config']) daemon.folder.write(`${name}/.made`, '')
    for (const name of ['run', 'home', 'cache', 'config']) daemon.give(name)
    daemon.folder.write('libvirtd.conf', daemon.settings())
    await daemon.again()
    return daemon
  }

  get socket(): string {
    return join(this.folder.path, 'run', 'libvirt', 'libvirt-sock')
  }

  /** @param transport over which libvirt's test driver is opened */
  uri(transport: 'unix' | 'tcp' | 'tls'): string {
    if (transport === 'unix') return `test+unix:///default?socket=${this.socket}`
    if (transport === 'tcp') return `test+tcp://127.0.0.1:${this.tcpPort}/default`
    return `test+tls://127.0.0.1:${this.tlsPort}/default?pkipath=${this.pki}`
  }

  /** Starts it, after a kill as at first. */
  async again(): Promise<void> {
    const words = ['--listen', '--config', join(this.folder.path, 'libvirtd.conf')]
    const isReady = (): boolean => existsSync(this.socket) && this.virsh('hostname').isSuccess
    this.server = await startServer(USER, '/usr/bin/env', ['-i', ...this.environment(), DAEMON, ...words], isReady)
  }

  /** Runs virsh against it to its end. */
  virsh(...words: readonly string[]): { readonly isSuccess: boolean; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(VIRSH, ['-q', '-c', this.uri('unix'), ...words], { encoding: 'utf8' })
    return { isSuccess: status === 0, output: `${stdout}${stderr}` }
  }

  /** The same while this process goes on. */
  async virshBeside(...words: readonly string[]): Promise<void> {
    const child = spawn(VIRSH, ['-q', '-c', this.uri('unix'), ...words], { stdio: 'ignore' })
    const [code] = (await once(child, 'close')) as [number]
    if (code !== 0) throw new Error(`virsh ${words.join(' ')} ended with ${code}`)
  }

  /** A program that takes ssh's words and runs the command among them here, as the daemon's user: who dials ssh gets to this daemon. */
  nearbySsh(): string {
    const ids = userIds(USER)
    const asUser = ids === undefined ? '' : `setpriv --reuid=${ids.uid} --regid=${ids.gid} --clear-groups `
    const command = `exec ${asUser}env -i ${this.environment().join(' ')} sh -c "$3"`
    return this.folder.write('ssh', `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\n${command}\n`, 0o755)
  }

  /** As a crash does it. */
  async kill(): Promise<void> {
    if (this.server === undefined) return
    process.kill(this.server.pid, 'SIGKILL')
    await this.server.stop()
    this.server = undefined
  }

  /** Starts it again if it was killed. */
  async revive(): Promise<void> {
    if (this.server === undefined) await this.again()
  }

  async remove(): Promise<void> {
    await this.server?.stop()
    this.folder.remove()
  }

  private environment(): readonly string[] {
    const at = (name: string): string => join(this.folder.path, name)
    const folders = [`HOME=${at('home')}`, `XDG_RUNTIME_DIR=${at('run')}`, `XDG_CACHE_HOME=${at('cache')}`]
    return ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...folders, `XDG_CONFIG_HOME=${at('config')}`]
  }

  private give(name: string): void {
    const path = join(this.folder.path, name)
    if (process.getuid?.() === 0) chmodSync(path, 0o777)
  }

  private settings(): string {
    const pki = (name: string): string => JSON.stringify(join(this.pki, name))
    return [
      'auth_unix_rw = "none"',
      'listen_addr = "127.0.0.1"',
      'listen_tcp = 1',
      `tcp_port = "${this.tcpPort}"`,
      'auth_tcp = "none"',
      'listen_tls = 1',
      `tls_port = "${this.tlsPort}"`,
      'auth_tls = "none"',
      `ca_file = ${pki('cacert.pem')}`,
      `cert_file = ${pki('servercert.pem')}`,
      `key_file = ${pki('serverkey.pem')}`,
      '',
    ].join('\n')
  }
}
