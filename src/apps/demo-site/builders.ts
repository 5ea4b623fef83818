/** For tests: a demo that was started, and what it answers. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeLog } from '../server/log.ts'
import { type Demo, startDemo } from './demo.ts'

/** Turns of the site within which what is waited for has come: four hours. */
const TURNS_MOST = 240
/** Whoever waits longer than this waits in vain, on the busiest machine. */
export const PATIENCE_MS = 480_000
/** Between two looks, in ms of the machine's clock. */
const LOOK_MS = 50

export interface Move {
  readonly id: string
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly state: string
  readonly promise?: { readonly totalMs: number }
  readonly figures?: { readonly totalMs?: number; readonly rounds?: number }
}

export interface Moves {
  readonly open: readonly Move[]
  readonly ended: readonly Move[]
}

export class TestBench {
  readonly demo: Demo
  private readonly token: string
  private readonly said: readonly string[]

  private constructor(demo: Demo, said: readonly string[], token: string) {
    this.demo = demo
    this.said = said
    this.token = token
  }

  /** Of a demo that goes on, the token is the one that its first start made. */
  static async begin(t: TestContext, { data, token }: { data?: string; token?: string } = {}): Promise<TestBench> {
    const said: string[] = []
    const log = makeLog('text', (text) => void said.push(text))
    const where = { host: '127.0.0.1', port: 0, version: '0.0.0-test', log, areMetricsOpen: false }
    const demo = await startDemo({ ...where, ...(data === undefined ? {} : { data }) })
    t.after(() => demo.close())
    return new TestBench(demo, said, token ?? demo.server.firstToken ?? '')
  }

  fetched(path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token}` }
    return fetch(`http://127.0.0.1:${this.demo.server.port}${path}`, { headers })
  }

  async ask<T>(path: string): Promise<T> {
    const answer = await this.fetched(path)
    assert.equal(answer.status, 200, `${path}: ${answer.statusText}`)
    return (await answer.json()) as T
  }

  async turns(): Promise<number> {
    return (await this.ask<{ turns: number }>('/v1/status')).turns
  }

  /** Looks until there is something. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      assert.ok((await this.turns()) < TURNS_MOST, `${TURNS_MOST} turns without ${what}: ${this.said.join('')}`)
      await sleep(LOOK_MS)
    }
  }

  /** Undefined: nobody knows of moves before the controller has said anything. */
  async moves(): Promise<Moves | undefined> {
    const answer = await this.fetched('/v1/migrations')
    return answer.status === 503 ? undefined : ((await answer.json()) as Moves)
  }

  /** Where VMs run by what hosts have reported since the start. */
  async hostsOfVms(): Promise<ReadonlyMap<string, string>> {
    const { from } = this.demo.clock.pace
    return this.until('VMs', async () => {
      const { hosts } = await this.ask<{ hosts: readonly { reportedAt?: number }[] }>('/v1/hosts?limit=100')
      if (hosts.some(({ reportedAt = 0 }) => reportedAt <= from)) return undefined
      const { vms } = await this.ask<{ vms: readonly { vm: string; host?: string }[] }>('/v1/vms?limit=500')
      return new Map(vms.map(({ vm, host = 'none' }) => [vm, host]))
    })
  }
}
