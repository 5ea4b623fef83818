/** virtio-serial channels of guests on this host: one local socket each, found in a folder or named. The host knows whose channel it is, so no
 *  token or certificate is needed. A VM that has moved away is heard by the server of its next host, or over its own network. */
import { existsSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Buckets } from '../../engine/admission/buckets.ts'
import { parseVmId, type VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { answerLines, type ChannelDesk, LineCutter } from './channel-lines.ts'

/** Name of the port within the guest, and of the socket within a VM's folder. */
export const CHANNEL_NAME = 'org.ethos.agent.0'

export interface ChannelOptions {
  /** Folders as libvirt keeps them (`/var/lib/libvirt/qemu/channel/target`): sockets at `domain-<number>-<vm>/org.ethos.agent.0`. */
  readonly folders?: readonly string[]
  readonly named?: readonly NamedChannel[]
  readonly scanMs?: number
}

export interface NamedChannel {
  readonly vm: VmId
  readonly path: string
}

const SCAN_MS = 5 * SECOND_MS
const CHANNELS_MAX = 1024
/** libvirt cuts the name in this folder after so many characters (VIR_DOMAIN_SHORT_NAME_MAX): a name of that length may be a part of one. */
const SHORT_NAME_MAX = 20
/** Lines from one guest, vectors or not: reading stops while it has said too much. */
const LINES = { everyMs: 100, burst: 700 } as const

export class Channels {
  private readonly desk: ChannelDesk
  private readonly log: Logger
  private readonly options: ChannelOptions
  private readonly open = new Map<string, Socket>()
  private readonly told = new Set<string>()
  private readonly lines = new Buckets(LINES)
  private readonly serving = new Set<Promise<void>>()
  private readonly ending = new AbortController()
  private timer: NodeJS.Timeout | undefined

  constructor(desk: ChannelDesk, log: Logger, options: ChannelOptions) {
    this.desk = desk
    this.log = log
    this.options = options
  }

  start(): void {
    const { folders = [], named = [] } = this.options
    if (folders.length === 0 && named.length === 0) return
    this.scan()
    this.timer = setInterval(() => this.scan(), this.options.scanMs ?? SCAN_MS).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    this.ending.abort()
    for (const socket of this.open.values()) socket.destroy()
    await Promise.allSettled(this.serving)
  }

  /** Connects to what is there and not connected: what went is tried again at the next look. */
  private scan(): void {
    const { folders = [], named = [] } = this.options
    for (const { vm, path } of [...named, ...folders.flatMap((folder) => this.found(folder))]) {
      if (this.open.has(path) || this.open.size >= CHANNELS_MAX || !existsSync(path)) continue
      const socket = connect(path)
      this.open.set(path, socket)
      const served = this.serve(socket, vm)
        .catch((error: unknown) => this.log.debug({ vm, reason: String(error) }, 'channel ended'))
        .finally(() => {
          socket.destroy()
          this.open.delete(path)
          this.serving.delete(served)
        })
      this.serving.add(served)
    }
  }

  private found(folder: string): readonly NamedChannel[] {
    try {
      return readdirSync(folder).flatMap((name) => {
        const vm = this.nameOf(name)
        return vm === undefined ? [] : [{ vm, path: join(folder, name, CHANNEL_NAME) }]
      })
    } catch (error) {
      this.tellOnce(folder, `the folder of channels can not be read: ${String(error)}`)
      return []
    }
  }

  private nameOf(folderName: string): VmId | undefined {
    const vm = /^domain-\d+-(.+)$/.exec(folderName)?.[1]
    if (vm === undefined) return undefined
    if (vm.length >= SHORT_NAME_MAX) {
      this.tellOnce(folderName, 'the name of the VM may be cut off there; name its channel with --channel VM=PATH')
      return undefined
    }
    try {
      return parseVmId(vm)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.tellOnce(folderName, error.message)
      return undefined
    }
  }

  private tellOnce(about: string, reason: string): void {
    if (this.told.has(about) || this.told.size >= CHANNELS_MAX) return
    this.told.add(about)
    this.log.warn({ channel: about, reason }, 'channel left out')
  }

  /** Answers until the other end goes. One part is answered before the next is read: who says much waits. */
  private async serve(socket: Socket, vm: VmId): Promise<void> {
    const cutter = new LineCutter()
    for await (const part of socket) {
      const lines = cutter.cut(part as Uint8Array)
      if (lines.length === 0) continue
      const count = Math.min(lines.length, LINES.burst)
      for (let waitMs = this.lines.take(vm, this.desk.now(), count); waitMs > 0; ) {
        await sleep(waitMs, undefined, { ref: false, signal: this.ending.signal })
        waitMs = this.lines.take(vm, this.desk.now(), count)
      }
      const answers = await answerLines(this.desk, vm, lines)
      if (answers.length > 0 && !socket.destroyed) await write(socket, `${answers.join('\n')}\n`)
    }
  }
}

/** Waits until it is taken: a guest that does not read its answers is not read either. */
function write(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(text, (error) => (error == null ? resolve() : reject(error)))
  })
}
