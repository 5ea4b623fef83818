import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseVmId, type VmId } from '../../terms/ids.ts'
import { findVm, linesOf } from '../server/builders.ts'
import { aSite, type Guest, type Site } from '../../../tools/agent-site.ts'
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { encodePhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { Luck } from '../../terms/luck.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { answerLines, LineCutter } from '../server/channel-lines.ts'
import { makeLog } from '../server/log.ts'
import { Desk } from '../server/desk.ts'
import { installPhases, usePhases } from '../server/phase-models.ts'
import { withVm } from './courier-channel.ts'

let site: Site
let desk: Desk

before(async () => {
  site = await aSite()
  desk = newDesk()
})

after(() => site.close())

function newDesk(): Desk {
  const limits = { requests: { everyMs: 1, burst: 1e6 }, vectors: { everyMs: 1, burst: 1e6 } }
  const log = makeLog('none', () => undefined)
  return new Desk({ store: site.server.store, clock: { now: () => site.now() }, log, limits })
}

const real = nodeMachine()

/** The host's end of a channel, with the lines of the real server behind it. What is on its way can be lost. */
class Channel {
  /** Whether anybody listens at the host's end. */
  isThere = true
  /** Share of looks at which the host comes back in the middle: what is on its way, either way, is cut off. */
  cutShare = 0
  /** Share of the host's answers that do not arrive. */
  lossShare = 0
  garbage = ''
  fails: string | undefined
  hellos = 0
  lines = 0
  private readonly vm: VmId
  private readonly luck = new Luck(5)
  private cutter = new LineCutter()
  private toGuest = ''

  constructor(vm: string) {
    this.vm = parseVmId(vm)
  }

  async hear(bytes: Uint8Array): Promise<void> {
    const lines = this.cutter.cut(bytes)
    for (const line of lines) {
      if (line.includes('hello')) this.hellos++
      else this.lines++
    }
    const answers = await answerLines(desk, this.vm, lines)
    for (const answer of answers) if (this.luck.fraction() >= this.lossShare) this.toGuest += `${answer}\n`
  }

  get machine(): Partial<Machine> {
    return {
      network: { ...real.network, openPort: () => this.port() },
      access: (path) => (path.includes('virtio') ? 'readable' : real.access(path)),
    }
  }

  private pending: Promise<void> = Promise.resolve()

  /** All that the host was told is answered. */
  settled(): Promise<void> {
    return this.pending
  }

  private port(): ReturnType<Machine['network']['openPort']> {
    if (this.fails !== undefined) throw new MachineError(this.fails, `${this.fails}: port`)
    return {
      write: (bytes) => {
        if (this.fails !== undefined) throw new MachineError(this.fails, `${this.fails}: port`)
        if (!this.isThere) return 0
        const taken = Math.min(bytes.length, 100)
        let part = Uint8Array.from(bytes.subarray(0, taken))
        if (this.luck.fraction() < this.cutShare) {
          // The new host knows nothing of the first part of this line, and the guest never hears of what the old one said.
          this.cutter = new LineCutter()
          this.toGuest = ''
          part = part.subarray(part.length >> 1)
        }
        this.pending = this.pending.then(() => this.hear(part))
        return taken
      },
      read: () => {
        if (!this.isThere) return new Uint8Array(0)
        const bytes = Buffer.from(this.garbage + this.toGuest, 'latin1')
        this.toGuest = ''
        return bytes
      },
      close: () => undefined,
    }
  }
}

function aGuestOn(channel: Channel, vm: string): Guest {
  return site.aGuest({ vm, hasToken: false, machine: channel.machine })
}

/** Lets time pass while the host answers. */
async function drive(guest: Guest, channel: Channel, ms: number): Promise<void> {
  const endMs = site.now() + ms
  while (site.now() < endMs) {
    const waitMs = await guest.courier.turn()
    await channel.settled()
    site.pass(Math.min(endMs - site.now(), Math.max(1, waitMs)))
  }
}

const kept = (vm: string): Promise<readonly string[]> => linesOf(site.server.store, vm)

test('where there is a port it is taken, without a token, a certificate or a network; a day of vectors is through in a minute', async () => {
  const channel = new Channel('by-port')
  const guest = aGuestOn(channel, 'by-port')
  const lines = guest.offer('run', 0, 288)
  await drive(guest, channel, MINUTE_MS)
  assert.deepEqual(await kept('by-port'), lines)
  assert.deepEqual(guest.courier.state, { waiting: 0, lost: 0, refused: 0, uplink: 'virtio' })
  assert.deepEqual([channel.hellos, channel.lines], [1, 288])
})

test('the host gives the VM its name, whatever the guest calls itself', async () => {
  const channel = new Channel('name-of-the-host')
  const guest = aGuestOn(channel, 'name-of-the-guest')
  const lines = guest.offer('run', 0, 3)
  await drive(guest, channel, MINUTE_MS)
  assert.deepEqual(
    await kept('name-of-the-host'),
    lines.map((line) => withVm(line, 'name-of-the-host')),
  )
  assert.deepEqual([guest.courier.state.waiting, guest.courier.state.refused], [0, 0])
})

test('a host that is away for hours is waited for; what is kept meanwhile follows in order', async () => {
  const channel = new Channel('away')
  const guest = aGuestOn(channel, 'away')
  const lines = [...guest.offer('run', 0, 5)]
  await drive(guest, channel, MINUTE_MS)
  channel.isThere = false
  for (let hour = 0; hour < 6; hour++) {
    lines.push(...guest.offer('run', 5 + hour, 6 + hour))
    await drive(guest, channel, HOUR_MS)
  }
  assert.match(guest.courier.state.held ?? '', /nobody listens at the host's end|has not greeted back/)
  assert.deepEqual([(await kept('away')).length, guest.courier.state.waiting], [5, 6])
  channel.isThere = true
  await drive(guest, channel, MINUTE_MS)
  assert.deepEqual(await kept('away'), lines)
  assert.equal(guest.courier.state.held, undefined)
})

test('a server that does not run behind the port is greeted now and then, and nothing is sent into the void', async () => {
  const channel = new Channel('mute')
  channel.lossShare = 1
  const guest = aGuestOn(channel, 'mute')
  guest.offer('run', 0, 5)
  await drive(guest, channel, HOUR_MS)
  // Every 15 s.
  assert.ok(channel.hellos >= 200 && channel.hellos <= 241, String(channel.hellos))
  assert.equal(channel.lines, 0)
  assert.equal(guest.courier.state.waiting, 5)
})

test('through hosts that come back in the middle of lines, garbage, and lost answers each vector is kept exactly once, in order', async () => {
  const channel = new Channel('rough')
  const guest = aGuestOn(channel, 'rough')
  channel.cutShare = 0.05
  channel.lossShare = 0.2
  channel.garbage =
    '\n{"ack":["run",9999]}\n{"refused":[]}\n\u00ff\u0000{{{\n{"busy":"x"}\n{"ack":["other",0]}\n{"welcome":{"vm":1}}\n'
  const lines: string[] = []
  for (let part = 0; part < 10; part++) {
    lines.push(...guest.offer('run', part * 10, part * 10 + 10))
    await drive(guest, channel, 5 * MINUTE_MS)
  }
  channel.cutShare = 0
  channel.lossShare = 0
  await drive(guest, channel, HOUR_MS)
  assert.deepEqual(await kept('rough'), lines)
  assert.deepEqual([guest.courier.state.waiting, guest.courier.state.lost, guest.courier.state.refused], [0, 0, 0])
  assert.ok(channel.lines > 120, `${channel.lines} lines for 100 vectors`)
  assert.equal((await findVm(site.server.store, 'rough'))?.quarantine, undefined)
})

test('a host that is busy is left alone for as long as it asks', async () => {
  const channel = new Channel('banned')
  const guest = aGuestOn(channel, 'banned')
  await site.server.store.identities.ban(parseVmId('banned'), site.now())
  guest.offer('run', 0, 3)
  await drive(guest, channel, HOUR_MS)
  // Every 600 s.
  assert.ok(channel.lines >= 5 && channel.lines <= 7, String(channel.lines))
  assert.match(guest.courier.state.held ?? '', /asks to wait/)
  assert.equal(guest.courier.state.waiting, 3)
})

test('a port that may not be opened, or breaks, is told of and tried again', async () => {
  const channel = new Channel('broken')
  const guest = aGuestOn(channel, 'broken')
  channel.fails = 'EACCES'
  const lines = guest.offer('run', 0, 3)
  await drive(guest, channel, MINUTE_MS)
  assert.match(guest.courier.state.held ?? '', /EACCES.*May this user open the port/)
  channel.fails = undefined
  await drive(guest, channel, MINUTE_MS)
  assert.deepEqual(await kept('broken'), lines)
})

test('a line that the host can not read does not hold up those behind it for ever', async () => {
  const channel = new Channel('unread')
  const guest = aGuestOn(channel, 'unread')
  guest.courier.offer('this is no vector')
  const lines = guest.offer('run', 0, 2)
  await drive(guest, channel, DAY_MS / 24)
  assert.deepEqual(await kept('unread'), lines)
  assert.equal(guest.courier.state.refused, 1)
})

test('another name takes the place of the first, and only there', () => {
  const line = '{"schema":1,"vm":"a","sender":"s","seq":1}'
  assert.equal(withVm(line, 'host-b'), '{"schema":1,"vm":"host-b","sender":"s","seq":1}')
  assert.equal(withVm(line, undefined), line)
  assert.equal(withVm('none', 'b'), 'none')
})

test('a phase model comes over the channel too, in pieces, past vectors, lost answers and a host that comes back in the middle', async () => {
  const channel = new Channel('phases')
  const guest = aGuestOn(channel, 'phases')
  guest.offer('run', 0, 1)
  await drive(guest, channel, MINUTE_MS)
  assert.equal(guest.phases.model, PHASES_1)
  const model = { ...PHASES_1, version: 2 }
  await installPhases(site.server.store, { text: encodePhaseModel(model), at: site.now(), place: 'file' })
  await desk.lookAtPhases()
  channel.lossShare = 0.2
  channel.cutShare = 0.02
  channel.garbage = '{"part":[2,0,1,"{}"]}\n{"part":7}\n{"part":[2,-1,1,""]}\n{"part":[null]}\n'
  for (let i = 1; i <= 20; i++) {
    guest.offer('run', i, i + 1)
    await drive(guest, channel, 5 * MINUTE_MS)
  }
  // What the host said between, which was no piece of a model, was refused; what came in the end was the model.
  channel.garbage = ''
  channel.lossShare = 0
  channel.cutShare = 0
  guest.offer('run', 21, 22)
  await drive(guest, channel, 2 * HOUR_MS)
  assert.deepEqual(guest.phases.model, model)
  assert.equal((await kept('phases')).length, 22)
  await usePhases(site.server.store, 1)
  await desk.lookAtPhases()
  guest.offer('run', 22, 23)
  await drive(guest, channel, MINUTE_MS)
  guest.offer('run', 23, 24)
  await drive(guest, channel, MINUTE_MS)
  assert.equal(guest.phases.model, PHASES_1)
})

test('a host of another age, which knows of no pieces, costs a few questions an hour and no vector', async () => {
  const channel = new Channel('old-host')
  const guest = aGuestOn(channel, 'old-host')
  guest.offer('run', 0, 1)
  await drive(guest, channel, MINUTE_MS)
  channel.garbage = '{"welcome":{"vm":"old-host","phases":9}}\n'
  const before = channel.lines
  for (let i = 1; i <= 12; i++) {
    guest.offer('run', i, i + 1)
    await drive(guest, channel, 5 * MINUTE_MS)
  }
  assert.equal((await kept('old-host')).length, 13)
  assert.equal(guest.phases.model, PHASES_1)
  assert.ok(channel.lines - before < 12 + 60, `${channel.lines - before}`)
})
