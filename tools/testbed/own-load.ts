/** Counters of a host's own. Hosts of a testbed share this machine's kernel, so that each would tell the load of all of them; where this runs, what they
 *  read in `/proc/stat`, reporters and libvirtds alike, is what the kernel counts for their control group. */
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Testbed } from './testbed.ts'

/** A reading of a VM takes some six seconds, and little more than one where its host refuses the second window: counters that stand still in it
 *  tell nothing. */
const EVERY_MS = 250
/** Of `/proc/stat`: hundredths of a second. */
const MS_PER_TICK = 10
/** Numbers are as long at all times: whoever reads while this writes reads whole lines. */
const DIGITS = 12

/** What one host's `/proc/stat` tells, kept up to date, as of a machine with one core. */
export class OwnLoad {
  private readonly testbed: Testbed
  private readonly host: string
  private readonly file: FileHandle
  private readonly startedAt = performance.now()
  private readonly rest: string
  private firstMs: number | undefined
  private busyMs = 0
  private idleMs = 0
  private timer: NodeJS.Timeout | undefined
  private telling: Promise<void> = Promise.resolve()

  private constructor(testbed: Testbed, host: string, file: FileHandle) {
    this.testbed = testbed
    this.host = host
    this.file = file
    const lines = readFileSync('/proc/stat', 'utf8').split('\n')
    this.rest = lines.filter((line) => /^(ctxt|btime|processes) /.test(line)).join('\n')
  }

  /** Begins to tell. */
  static async of(testbed: Testbed, host: string): Promise<OwnLoad> {
    const path = join(testbed.folder, `${host}.stat`)
    const own = new OwnLoad(testbed, host, await open(path, 'w'))
    await own.tell()
    await testbed.inHost(host, 'mount', '--bind', path, '/proc/stat')
    own.timer = setInterval(() => {
      // A host that is going down has nothing to tell.
      own.telling = own.telling.then(() => own.tell()).catch(() => undefined)
    }, EVERY_MS)
    own.timer.unref()
    return own
  }

  async end(): Promise<void> {
    clearInterval(this.timer)
    await this.telling
    await this.file.close()
  }

  private async tell(): Promise<void> {
    const usedMs = this.testbed.cpuTimeNowMs(this.host)
    this.firstMs ??= usedMs
    this.busyMs = Math.max(this.busyMs, usedMs - this.firstMs)
    // A counter never goes back, and two clocks never agree.
    this.idleMs = Math.max(this.idleMs, performance.now() - this.startedAt - this.busyMs)
    const [busy, idle] = [this.busyMs, this.idleMs].map(ticks)
    const lines = ['cpu ', 'cpu0'].map((name) => `${name} ${busy} 0 0 ${idle} 0 0 0 0 0 0`)
    await this.file.write(`${lines.join('\n')}\n${this.rest}\n`, 0)
  }
}

function ticks(ms: number): string {
  return String(Math.round(ms / MS_PER_TICK)).padStart(DIGITS, '0')
}
