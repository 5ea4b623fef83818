/** One guest of the testbed, wherever it runs: commands within it, and whether it lives. */
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Testbed } from './testbed.ts'

/** What a guest is to be. */
export interface GuestOrder {
  /** Its name, with a number in it. */
  readonly vm: string
  /** Text of the agent's settings. */
  readonly settings: string
  /** One-time token to join with. Absent: none, as with a virtio-serial channel. */
  readonly token?: string
  readonly memoryMiB?: number
}

/** The emulator lost the guest: a panic, or silence. It happens in some two of a hundred moves under emulation without KVM, and is no fault
 *  of what is tested. */
export class GuestLost extends Error {
  override readonly name = 'GuestLost'
}

const COMMAND_CHANNEL = 'org.ethos.testbed.0'
const COMMAND_MS_MAX = 90_000
/** A command that was not answered is said again. */
const AGAIN_MS = 20_000
const UNIT_MS_MAX = 300_000
const BOOT_MS_MAX = 180_000
const SILENCE_MS_MAX = 60_000

export class Guest {
  readonly vm: string
  host: string
  private readonly testbed: Testbed
  private commands = 0

  constructor(testbed: Testbed, vm: string, host: string) {
    this.testbed = testbed
    this.vm = vm
    this.host = host
  }

  /** Returns once the guest answers. Throws `GuestLost` when it does not boot. */
  async isUp(): Promise<void> {
    const endsAt = performance.now() + BOOT_MS_MAX
    while (!/^beat 1 /m.test(this.serial())) {
      if (performance.now() > endsAt) throw new GuestLost(`${this.vm} did not boot: ${this.lastWords()}`)
      await pause(500)
    }
    await this.does('true')
  }

  /** Runs a command as root in the guest and returns what it said. Throws with it where the command fails. */
  async does(command: string): Promise<string> {
    const id = `${this.commands++}-${Date.now()}`
    const [status, output] = await this.testbed
      .channel(this.host, this.vm, COMMAND_CHANNEL)
      .then((path) => ask(path, id, command))
      .catch((error: unknown) => {
        throw new GuestLost(`${this.vm} does not answer: ${String(error)}; ${this.lastWords()}`)
      })
    const text = Buffer.from(output, 'base64').toString('utf8').trimEnd()
    if (status !== '0') throw new Error(`"${command}" ended with ${status} in ${this.vm}: ${text}`)
    return text
  }

  /** Starts a unit that ends by itself and returns once it has; longer than a command may take. Throws where it fails. */
  async runsUnit(name: string): Promise<void> {
    // A round that its timer has begun is another.
    const stateOf = (): Promise<string> => this.does(`systemctl show -p ActiveState --value ${name}`)
    while (['activating', 'deactivating'].includes(await stateOf())) await pause(1000)
    const endsAt = performance.now() + UNIT_MS_MAX
    await this.does(`systemctl reset-failed ${name} 2>/dev/null; systemctl start --no-block ${name}`)
    for (;;) {
      await pause(1000)
      const state = await stateOf()
      if (state === 'inactive') return
      if (state === 'failed' || performance.now() > endsAt)
        throw new Error(`${name} is ${state} in ${this.vm}: ${await this.does(`journalctl -qu ${name} | tail -5`)}`)
    }
  }

  /** The guest's clock. */
  async now(): Promise<number> {
    return Number(await this.does('date +%s%3N'))
  }

  /** Moves it while it runs. Throws `GuestLost` where the emulator spoilt it. */
  async moveTo(host: string): Promise<void> {
    const from = this.host
    await this.testbed.migrate(this.vm, from, host)
    this.host = host
    const listed = await this.testbed.virsh(host, 'list', '--name')
    if (!listed.split('\n').includes(this.vm)) throw new Error(`${this.vm} is not on ${host} after its move`)
    const left = await this.testbed.virsh(from, 'list', '--name', '--all')
    if (left.split('\n').includes(this.vm)) throw new Error(`${this.vm} is still on ${from} after its move`)
    await this.beatsOn()
  }

  /** Returns once it beats again after a move. */
  private async beatsOn(): Promise<void> {
    const before = beats(this.serial())
    const endsAt = performance.now() + SILENCE_MS_MAX
    while (beats(this.serial()) <= before) {
      if (performance.now() > endsAt || /Kernel panic|BUG:/.test(this.serial()))
        throw new GuestLost(`${this.vm} fell silent after a move: ${this.lastWords()}`)
      await pause(200)
    }
  }

  private serial(): string {
    return this.testbed.serial(this.host, this.vm)
  }

  private lastWords(): string {
    return this.serial().slice(-500)
  }
}

function beats(serial: string): number {
  return serial.split('\nbeat ').length
}

/** One command over the channel: its status, and what it said in base64. */
function ask(path: string, id: string, command: string): Promise<readonly [string, string]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), COMMAND_MS_MAX)
    let heard = ''
    socket.setEncoding('latin1')
    const say = (): void => void socket.write(`\n${id} ${command.replaceAll('\n', '; ')}\n`)
    socket.once('connect', say)
    // The guest does it once, however often it is said.
    const again = setInterval(say, AGAIN_MS)
    socket.on('data', (text: string) => {
      heard += text
      const answer = heard.split('\n').find((line) => line.startsWith(`${id} `) && heard.includes(`${line}\n`))
      if (answer === undefined) return
      const [, status = '', output = ''] = answer.split(' ')
      clearTimeout(timer)
      clearInterval(again)
      socket.destroy()
      resolve([status, output])
    })
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      clearInterval(again)
      reject(new Error('the channel closed'))
    })
  })
}
