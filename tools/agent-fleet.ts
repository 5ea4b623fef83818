/** Many agents after an outage, in virtual time: the real courier, spool and pace on disks in memory, and the server's real rules of admission.
 *  Only TLS and the time that work takes are left out. */
import { parseConfig } from '../src/apps/agent/config.ts'
import { parseConfigFile } from '../src/apps/agent/config-file.ts'
import { Courier } from '../src/apps/agent/courier.ts'
import { Log } from '../src/apps/agent/log.ts'
import { DESK_LIMITS } from '../src/apps/server/desk.ts'
import { FakeDisk } from '../src/drivers/guest/fake-disk.ts'
import { writeIdentity } from '../src/drivers/guest/identity.ts'
import { type HttpAnswer, type HttpRequest, type Machine, MachineError } from '../src/drivers/guest/machine.ts'
import { nodeMachine } from '../src/drivers/guest/node-machine.ts'
import { Buckets } from '../src/engine/admission/buckets.ts'
import { admit, NO_SENDERS, type VmSenders } from '../src/engine/admission/senders.ts'
import { lineKey } from '../src/engine/delivery/settled.ts'
import { Luck } from '../src/terms/luck.ts'
import { DAY_MS, SECOND_MS } from '../src/terms/units.ts'
import { vectorLines } from './agent-lines.ts'

const START_MS = 1_800_000_000_000
const WINDOW_SEC = 60
/** A day of one vector every five minutes. */
const BACKLOG = 288

export interface FleetOutage {
  readonly agents: number
  /** How long the agents try while the server is away. What they had to say before lies in their spools. */
  readonly triesMs: number
  readonly seed: number
}

export interface FleetResult {
  /** Requests that the server answered in the minute after its return, by second. */
  readonly perSec: readonly number[]
  readonly refusedByLimits: number
  /** Tries a second while the server was away. */
  readonly triesPerSec: number
  /** When the newest vector of the last VM was taken, after the return. */
  readonly newestInUseMs: number
  readonly taken: number
  readonly duplicates: number
  readonly outOfOrder: number
  readonly waiting: number
  readonly lost: number
}

/** Runs it to two minutes after the return. */
export async function simulateOutage({ agents, triesMs, seed }: FleetOutage): Promise<FleetResult> {
  const clock = { ms: 0 }
  const server = new FleetServer(clock, triesMs)
  const luck = new Luck(seed)
  const fleet = Array.from({ length: agents }, (_, i) => anAgent(`vm-${i}`, { clock, server, luck }))
  // The last vectors before the return are made at different times: nobody's phase is another's.
  const due = fleet.map(() => luck.fraction() * 5 * SECOND_MS)
  while (clock.ms < triesMs + 2 * WINDOW_SEC * SECOND_MS) {
    let first = 0
    for (let i = 1; i < due.length; i++) if (due[i] < due[first]) first = i
    clock.ms = Math.max(clock.ms, due[first])
    due[first] = clock.ms + Math.min(60 * SECOND_MS, Math.max(0, await fleet[first].turn()))
  }
  const states = fleet.map(({ state }) => state)
  return {
    ...server.result(agents),
    waiting: states.reduce((sum, { waiting }) => sum + waiting, 0),
    lost: states.reduce((sum, { lost, refused }) => sum + lost + refused, 0),
  }
}

interface Parts {
  readonly clock: { ms: number }
  readonly server: FleetServer
  readonly luck: Luck
}

/** An agent that has joined, and has a day of vectors in its spool. */
function anAgent(vm: string, { clock, server, luck }: Parts): Courier {
  const disk = new FakeDisk()
  const real = nodeMachine()
  const machine: Machine = {
    ...real,
    files: disk.files,
    readText: (path, bytes) => disk.readText(path, bytes),
    readAt: (path, offset, length) => disk.readAt(path, offset, length),
    list: (path) => disk.list(path),
    readLink: () => undefined,
    access: (path) => disk.access(path),
    now: () => START_MS + clock.ms,
    monotonicMs: () => clock.ms,
    network: { ...real.network, request: (asked) => server.answer(vm, asked) },
    secrets: {
      ...real.secrets,
      randomBytes: (length) => Uint8Array.from({ length }, () => luck.below(256)),
      readCertificate: () => ({
        spkiSha256: new Uint8Array(32),
        notBefore: START_MS,
        notAfter: START_MS + 30 * DAY_MS,
      }),
    },
    self: { ...real.self, complain: () => undefined },
  }
  writeIdentity(machine, '/state', { vm, authorities: 'a', certificate: 'c', privateKey: 'k' })
  const settings = `vm = ${vm}\nserver = https://server\nstate = /state`
  const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
  const courier = new Courier({ machine, config, log: new Log(machine, { hasLevels: false }), vm })
  for (const line of vectorLines(vm, `run-${vm}`, { from: 0, to: BACKLOG, endMs: START_MS })) courier.offer(line)
  return courier
}

class FleetServer {
  private readonly clock: { readonly ms: number }
  private readonly returnMs: number
  private readonly requests = new Buckets(DESK_LIMITS.requests)
  private readonly vectors = new Buckets(DESK_LIMITS.vectors)
  private readonly senders = new Map<string, VmSenders>()
  private readonly next = new Map<string, number>()
  private readonly perSec = Array.from({ length: WINDOW_SEC }, () => 0)
  private tries = 0
  private refusedByLimits = 0
  private taken = 0
  private duplicates = 0
  private outOfOrder = 0
  private newestInUseMs = 0
  private current = 0

  constructor(clock: { readonly ms: number }, returnMs: number) {
    this.clock = clock
    this.returnMs = returnMs
  }

  answer(vm: string, { body = '' }: HttpRequest): Promise<HttpAnswer> {
    const sinceMs = this.clock.ms - this.returnMs
    if (sinceMs < 0) {
      this.tries++
      return Promise.reject(new MachineError('ECONNREFUSED', 'connect ECONNREFUSED'))
    }
    const second = Math.floor(sinceMs / SECOND_MS)
    if (second < WINDOW_SEC) this.perSec[second]++
    const lines = body.split('\n').filter((line) => line !== '')
    const waitMs = this.requests.take(vm, this.clock.ms) || this.vectors.take(vm, this.clock.ms, lines.length)
    if (waitMs > 0) {
      this.refusedByLimits++
      const headers = { 'retry-after': String(Math.ceil(waitMs / SECOND_MS)) }
      return Promise.resolve({ status: 429, headers, body: '' })
    }
    const acks = lines.map((line) => this.take(vm, line, sinceMs))
    return Promise.resolve({ status: 200, headers: {}, body: JSON.stringify({ acks, refused: [] }) })
  }

  result(agents: number): Omit<FleetResult, 'waiting' | 'lost'> {
    const { perSec, refusedByLimits, taken, duplicates, outOfOrder } = this
    const newestInUseMs = this.current === agents ? this.newestInUseMs : Infinity
    const triesPerSec = this.tries / (this.returnMs / SECOND_MS)
    return { perSec, refusedByLimits, taken, duplicates, outOfOrder, newestInUseMs, triesPerSec }
  }

  private take(vm: string, line: string, sinceMs: number): readonly [string, number] {
    const { sender, sequence } = lineKey(line) ?? { sender: '', sequence: -1 }
    const admission = admit(this.senders.get(vm) ?? NO_SENDERS, { sender, sequence, kept: 'nothing' })
    if (admission.kind !== 'taken') {
      this.duplicates++
      return [sender, sequence]
    }
    this.senders.set(vm, admission.next)
    this.taken++
    if (sequence !== (this.next.get(vm) ?? 0)) this.outOfOrder++
    this.next.set(vm, sequence + 1)
    if (sequence === BACKLOG - 1) {
      this.current++
      this.newestInUseMs = Math.max(this.newestInUseMs, sinceMs)
    }
    return [sender, sequence]
  }
}

/** Most requests in any stretch of so many seconds of the minute, as a multiple of what the same number spread evenly would be. */
export function peakOverMean(perSec: readonly number[], stretchSec: number): number {
  const total = perSec.reduce((sum, count) => sum + count, 0)
  let peak = 0
  for (let from = 0; from + stretchSec <= perSec.length; from++) {
    const count = perSec.slice(from, from + stretchSec).reduce((sum, one) => sum + one, 0)
    peak = Math.max(peak, count)
  }
  return (peak / stretchSec) * (perSec.length / total)
}
