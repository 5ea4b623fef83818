/** The worker that moves a VM, as a process to be heard, killed and begun anew. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { MoveLine } from '../../src/terms/move-record.ts'
import { REPOSITORY } from '../repository.ts'
import type { WorkerOrder } from './move-worker.ts'

const WORKER = join(REPOSITORY, 'tools', 'testbed', 'move-worker.ts')

export class MoverProcess {
  /** What it said, in order. */
  readonly said: string[] = []
  private readonly child: ChildProcess
  private readonly closed: Promise<unknown>
  private readonly waiting = new Set<() => void>()
  private errors = ''
  private isOver = false

  constructor(order: WorkerOrder) {
    const child = spawn(process.execPath, [WORKER, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.child = child
    this.closed = once(child, 'close')
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (this.errors += text))
    // One that was killed takes no words.
    child.stdin.on('error', () => undefined)
    createInterface({ input: child.stdout }).on('line', (line) => this.hear(line))
    const killNow = (): void => void child.kill('SIGKILL')
    process.once('exit', killNow)
    child.once('close', () => {
      process.off('exit', killNow)
      this.isOver = true
      this.wake()
    })
  }

  /** Returns once it has said this; false if it ended without. */
  async says(line: string, msMax = Number.POSITIVE_INFINITY): Promise<boolean> {
    const endsAt = performance.now() + msMax
    while (!this.said.includes(line) && !this.isOver && performance.now() < endsAt) await this.next(endsAt)
    return this.said.includes(line)
  }

  /** Returns once a step of its move is durable; false if it ended without. */
  reaches(step: MoveLine['step']): Promise<boolean> {
    return this.says(`step ${step}`)
  }

  cancel(): void {
    this.child.stdin?.write('cancel\n')
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.closed
  }

  /** Returns once it has ended by itself. Throws where it does not end in time, or ends otherwise than well. */
  async ends(msMax: number): Promise<void> {
    if (await this.says('ended', msMax)) return void (await this.closed)
    const isLate = !this.isOver
    await this.kill()
    const how = isLate ? `had not ended after ${msMax} ms` : 'ended before its moves did'
    throw new Error(`The mover ${how}. It said: ${this.said.join('; ')}\n${this.errors}`)
  }

  /** Returns once it was killed, by itself or another. */
  async dies(): Promise<void> {
    await this.closed
    if (this.child.signalCode !== 'SIGKILL') throw new Error(`The mover was to be killed, and ended: ${this.errors}`)
  }

  private hear(line: string): void {
    this.said.push(line)
    this.wake()
  }

  private wake(): void {
    for (const go of this.waiting) go()
    this.waiting.clear()
  }

  private next(endsAt: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.add(resolve)
      const left = endsAt - performance.now()
      if (left < 2 ** 31) setTimeout(resolve, left).unref()
    })
  }
}
