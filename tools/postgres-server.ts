/** Debian's PostgreSQL for tests: a server of its own in a folder of its own, which can be killed and started again. */
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  freePort,
  runAs,
  type RunningServer,
  serverFolder,
  type ServerFolder,
  skipWithout,
  startServer,
} from './real-servers.ts'

const BIN = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1) ?? '/usr/lib/postgresql/none/bin'
/** Why tests that need a server are skipped; false where they are not. */
export const withoutPostgres = skipWithout(
  `${BIN}/postgres`,
  `${BIN}/initdb`,
  `${BIN}/psql`,
  `${BIN}/pg_dump`,
  `${BIN}/pg_restore`,
)

const USER = 'postgres'
export const PASSWORD = 'öpen %sesame'

export interface PostgresOptions {
  /** What is set beside our own settings, by name. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Lines of pg_hba.conf before ours. */
  readonly hba?: string
}

/** A server with the role `ethos` and its database. */
export class PostgresServer {
  readonly folder: ServerFolder
  readonly port: number
  private readonly settings: Readonly<Record<string, string | number>>
  private server: RunningServer | undefined

  private constructor(folder: ServerFolder, port: number, settings: Readonly<Record<string, string | number>>) {
    this.folder = folder
    this.port = port
    this.settings = settings
  }

  static async start({ settings = {}, hba = '' }: PostgresOptions = {}): Promise<PostgresServer> {
    const folder = serverFolder(USER)
    const server = new PostgresServer(folder, await freePort(), settings)
    const data = join(folder.path, 'data')
    runAs(USER, `${BIN}/initdb`, ['-D', data, '-U', USER, '--auth=reject', '--no-sync', '--locale=C.UTF-8'])
    folder.write('data/pg_hba.conf', `${hba}\nlocal all ${USER} trust\nhost all ethos 127.0.0.1/32 scram-sha-256\n`)
    await server.again()
    const password = PASSWORD.replaceAll("'", "''")
    server.sql(`CREATE ROLE ethos LOGIN PASSWORD '${password}'; CREATE DATABASE ethos OWNER ethos;`)
    return server
  }

  url(database = 'ethos'): string {
    return `postgres://ethos:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.port}/${database}`
  }

  /** Runs SQL as the superuser over the socket. */
  sql(text: string, database = 'postgres'): string {
    const words = ['-X', '-A', '-t', '-q', '-h', this.folder.path, '-p', `${this.port}`, '-U', USER, '-d', database]
    return runAs(USER, `${BIN}/psql`, [...words, '-v', 'ON_ERROR_STOP=1'], text)
  }

  /** Brings a dump into a database, as its owner. */
  restore(path: string, database: string): void {
    const words = [
      '-h',
      this.folder.path,
      '-p',
      `${this.port}`,
      '-U',
      USER,
      '--role=ethos',
      '--no-owner',
      '-d',
      database,
    ]
    runAs(USER, `${BIN}/pg_restore`, [...words, '--exit-on-error'], readFileSync(path))
  }

  /** Starts it after it was stopped or killed. */
  async again(): Promise<void> {
    const settings = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.folder.path,
      max_connections: 60,
      shared_buffers: '32MB',
      ...this.settings,
    }
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const isReady = (): boolean => this.sql('SELECT 1').trim() === '1'
    this.server = await startServer(USER, `${BIN}/postgres`, ['-D', join(this.folder.path, 'data'), ...words], isReady)
  }

  /** SIGKILL to the postmaster and all its children at once, as when the machine's memory runs out. */
  async kill(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    for (const pid of [server.pid, ...childrenOf(server.pid)]) signal(pid, 'SIGKILL')
    await server.stop()
    this.server = undefined
  }

  /** Freezes it, or lets it go on. */
  freeze(isFrozen: boolean): void {
    const pid = this.server?.pid
    if (pid === undefined) return
    for (const each of [pid, ...childrenOf(pid)]) signal(each, isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** SIGINT: connections are ended at once, and it shuts down in order. */
  async stop(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    signal(server.pid, 'SIGINT')
    await pause(50)
    await server.stop()
    this.server = undefined
  }

  async remove(): Promise<void> {
    await this.stop()
    this.folder.remove()
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(/\) . (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]) === parent
      } catch {
        return false
      }
    })
    .map(Number)
}
