/** An imagined site with a platform in memory and a desk of moves between them. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { MovesDesk } from '../../src/apps/server/moves-desk.ts'
import type { TermsOf } from '../../src/apps/server/moves-desk-options.ts'
import type { PlatformDesk } from '../../src/apps/server/platform-desk.ts'
import type { TurnRecorder } from '../../src/apps/server/replay/turn-recorder.ts'
import { AUTOMATION_SETTING, type AutomationLevel, readSettings } from '../../src/apps/server/site-settings.ts'
import { TurnTaker } from '../../src/apps/server/turn-taker.ts'
import { SiteJournal } from '../../src/drivers/reported/site-journal.ts'
import type { HostId } from '../../src/terms/ids.ts'
import { SECOND_MS } from '../../src/terms/units.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { FakeDriver } from './fake-driver.ts'
import { TurnBench } from './turn-bench.ts'

const TERMS: TermsOf = () => ({
  terms: { mode: 'precopy', timeoutMs: 600_000, stalledMs: 150_000 },
  promise: { totalMs: 10_000, downtimeMs: 60, copiedBytes: 9e8, pConverge: 0.99 },
})

export class DeskBench extends TurnBench {
  readonly driver = new FakeDriver(() => this.now)
  desk: MovesDesk
  isHolding = true
  /** What people are shown: as it stood when a change was last told of. */
  told = ''
  private readonly platform: PlatformDesk | undefined
  private readonly recorder: Pick<TurnRecorder, 'keep'> | undefined

  constructor(platform?: PlatformDesk, recorder?: Pick<TurnRecorder, 'keep'>) {
    super()
    this.platform = platform
    this.recorder = recorder
    this.desk = this.newDesk()
    this.site.vms.forEach((vm, v) => this.driver.hostOf.set(vm.id, this.site.hosts[this.site.hostOf[v]].id))
  }

  newDesk(): MovesDesk {
    const { store, driver } = this
    // A deadline is waited for by the machine's time: that of the bench stands between steps.
    const sleepUntil = (at: number) => sleep(at - this.now, undefined, { ref: false })
    const clock = { now: () => this.now, sleepUntil }
    this.desk = new MovesDesk({
      clock,
      driver,
      journal: new SiteJournal(store, clock, () => this.token),
      readSettings: () => readSettings(store),
      fence: () => (this.isHolding ? this.token : undefined),
      termsOf: TERMS,
      changed: () => {
        this.told = this.desk.text()
      },
      ...(this.platform === undefined ? {} : { platform: this.platform }),
    })
    const beside = this.recorder === undefined ? {} : { recorder: this.recorder }
    const token = (): number => this.token
    this.taker = new TurnTaker({ store, clock, everyMs: SLOT_MS, token, desk: this.desk, ...beside })
    return this.desk
  }

  async set(name: string, value: unknown): Promise<void> {
    await this.store.settings.set(name, JSON.stringify(value), { who: 'test', at: this.now })
    await this.desk.heed()
  }

  level(level: AutomationLevel, isPaused = false): Promise<void> {
    return this.set(AUTOMATION_SETTING, { level, isPaused })
  }

  /** All VMs of the first host want their full size. */
  press(): void {
    this.site.hostOf.forEach((host, vm) => {
      if (host === 0) this.site.pressure.set(vm, 1)
    })
  }

  /** What is under way arrives, is seen twice, and hosts tell of it. */
  async arrive(): Promise<void> {
    for (const { order } of this.driver.arrive()) {
      const vm = this.site.vms.findIndex(({ id }) => id === order.vmId)
      this.site.hostOf[vm] = this.site.hosts.findIndex(({ id }) => id === order.to)
    }
    for (let look = 0; look < 3; look++) {
      this.now += 6 * SECOND_MS
      await this.desk.tick()
    }
  }

  async stepUntil(isSo: () => boolean): Promise<void> {
    for (let step = 0; step < 20 && !isSo(); step++) await this.step()
    assert.ok(isSo())
  }

  /** The platform is asked whether it would: the last thing before a call. */
  async untilAsked(): Promise<void> {
    for (let turn = 0; turn < 100_000 && this.driver.asked === 0; turn++) await new Promise(setImmediate)
    assert.ok(this.driver.asked > 0)
  }

  /** By whoever watches the clock, to all that remember. */
  async setForward(ms: number): Promise<void> {
    this.now += ms
    this.desk.clockStepped(ms)
    this.taker.clockStepped(ms)
    await this.desk.tick()
  }

  view() {
    return JSON.parse(this.desk.text()) as {
      readonly open: { id: string; vm: string; state: string; cause: object }[]
      readonly ended: { id: string; vm: string; state: string; promise?: object; figures?: object }[]
      readonly proposals: { id: string; vm: string; from: HostId; to: HostId; held?: string }[]
      readonly evacuations: { host: string; vms: number; leaving: number; stuck: { vm: string; reason: string }[] }[]
    }
  }
}
