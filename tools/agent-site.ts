/** A server and guests that deliver to it, in one process, for tests: real TLS, real disks, and clocks that tests move. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../src/apps/agent/config.ts'
import { parseConfigFile } from '../src/apps/agent/config-file.ts'
import { Courier } from '../src/apps/agent/courier.ts'
import { Log } from '../src/apps/agent/log.ts'
import { PhaseKeeper } from '../src/apps/agent/phase-keeper.ts'
import { createToken } from '../src/apps/server/join-token.ts'
import { type RunningServer, type ServerOptions, startServer } from '../src/apps/server/server.ts'
import type { HttpAnswer, HttpRequest, Machine } from '../src/drivers/guest/machine.ts'
import { nodeMachine } from '../src/drivers/guest/node-machine.ts'
import { parseVmId } from '../src/terms/ids.ts'
import { DAY_MS } from '../src/terms/units.ts'
import { vectorLines } from './agent-lines.ts'

export interface Site {
  readonly folder: string
  server: RunningServer
  /** All that guests' agents said. */
  readonly said: string[]
  now(): number
  /** Lets time pass, for the server and all guests. */
  pass(ms: number): void
  aGuest(options?: GuestOptions): Guest
  close(): Promise<void>
}

export interface GuestOptions {
  /** Where it believes the server is. */
  readonly url?: string
  readonly vm?: string
  /** Folder of its state: the VM's name by default, so that two of one name share it. */
  readonly home?: string
  readonly machine?: Partial<Machine>
  /** More lines of settings. */
  readonly settings?: string
  readonly hasToken?: boolean
}

export interface Guest {
  readonly vm: string
  readonly home: string
  readonly state: string
  readonly tokenFile: string
  readonly machine: Machine
  courier: Courier
  /** Which phase model it uses. */
  phases: PhaseKeeper
  /** Makes and offers so many vectors of a run. */
  offer(run: string, from: number, to: number): readonly string[]
  /** What the courier does while so much time passes. */
  drive(ms: number): Promise<void>
  /** Another run of the agent. */
  restart(settings?: GuestOptions): void
  /** Writes a new token to where the agent looks for it. */
  giveToken(): Promise<void>
  /** Its first token is there, if it has one. */
  readonly given: Promise<void>
}

/** Starts a server whose clock begins in the past of the machine's: TLS looks at the machine's, and what is told here comes up to it. */
export async function aSite(options: Partial<ServerOptions> & { readonly startMs?: number } = {}): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-site-'))
  const startMs = options.startMs ?? Date.now() - 20 * DAY_MS
  let passedMs = 0
  let guests = 0
  const now = (): number => startMs + passedMs
  const server = await startServer({
    dataFolder: join(folder, 'server'),
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    clock: { now },
    ...options,
  })
  const machines: Machine[] = []
  const site: Site = {
    folder,
    server,
    said: [],
    now,
    pass: (ms) => void (passedMs += ms),
    aGuest: (wanted = {}) => {
      const vm = wanted.vm ?? `vm-${guests++}`
      const quiet = nodeMachine()
      const self = { ...quiet.self, complain: (text: string) => void site.said.push(text) }
      const bare: Machine = { ...quiet, self, now, monotonicMs: () => passedMs, ...wanted.machine }
      const machine: Machine = { ...bare, network: { ...bare.network, request: (asked) => dated(bare, asked, now) } }
      machines.push(machine)
      return aGuest(site, { ...wanted, vm }, machine)
    },
    close: async () => {
      for (const machine of machines) machine.network.dropConnections()
      await site.server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return site
}

function aGuest(site: Site, wanted: GuestOptions & { readonly vm: string }, machine: Machine): Guest {
  const { vm } = wanted
  const home = join(site.folder, wanted.home ?? vm)
  const tokenFile = join(home, 'token')
  mkdirSync(home, { recursive: true })
  const make = ({ url, settings }: GuestOptions): Pick<Guest, 'courier' | 'phases'> => {
    const server = url ?? `https://127.0.0.1:${site.server.port}`
    const lines = ['vm = ' + vm, 'server = ' + server, 'token-file = ' + tokenFile, `state = ${home}/state`]
    const config = parseConfig(machine, parseConfigFile([...lines, settings ?? ''].join('\n'), 'agent.conf'))
    const log = new Log(machine, { hasLevels: false })
    const phases = new PhaseKeeper({ machine, config, log })
    return { phases, courier: new Courier({ machine, config, log, vm, phases }) }
  }
  const giveToken = async (): Promise<void> => {
    const { authority, store } = site.server
    const token = await createToken(store, { for: { vm: parseVmId(vm) }, pin: authority.pin, at: site.now() })
    writeFileSync(tokenFile, `${token}\n`)
  }
  const given = wanted.hasToken === false ? Promise.resolve() : giveToken()
  const guest: Guest = {
    vm,
    home,
    state: `${home}/state`,
    tokenFile,
    machine,
    ...make(wanted),
    offer: (run, from, to) => {
      const lines = vectorLines(vm, run, { from, to, endMs: site.now() })
      for (const line of lines) guest.courier.offer(line)
      return lines
    },
    drive: async (ms) => {
      await given
      let leftMs = ms
      for (;;) {
        const waitMs = await guest.courier.turn()
        site.pass(Math.min(leftMs, waitMs))
        leftMs -= waitMs
        if (leftMs <= 0) return
      }
    },
    restart: (again = wanted) => {
      Object.assign(guest, make(again))
    },
    giveToken,
    given,
  }
  return guest
}

/** The server's web framework tells the machine's time, and not the one of the test. */
async function dated(machine: Machine, asked: HttpRequest, now: () => number): Promise<HttpAnswer> {
  const answer = await machine.network.request(asked)
  const { date } = answer.headers
  return date === undefined
    ? answer
    : { ...answer, headers: { ...answer.headers, date: new Date(now()).toUTCString() } }
}
