/** The agents of those VMs of the demo that have one: the real profile on board, fed with readings, and vectors straight into the store. */
import { OnBoard } from '../../engine/profile/on-board.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { activityOf } from './activity.ts'
import { type Rights, readingOf } from './guest-readings.ts'
import type { DemoWorld } from './world.ts'

/** Readings of so long before the beginning make rhythms and habits known. */
const LEARNT_MS = 25 * HOUR_MS
/** Of these a vector is told so often: to reckon one takes as long as to read for an hour. */
const TOLD_EVERY_MS = 3 * HOUR_MS
const WINDOW_MS = SLOT_MS
/** One in so many agents may not trace calls; one in so many sees memory being written. */
const UNTRACED = 3
const SEES_DIRTIED = 2

interface Agent {
  readonly vm: number
  readonly onBoard: OnBoard
  readonly rights: Rights
  /** A reading a minute; those of a slot are told together. */
  sequence: number
  host: number
}

export class Agents {
  private readonly world: DemoWorld
  private readonly agents: readonly Agent[]

  /** @param from when the demo begins; runs of agents are called by it */
  constructor(world: DemoWorld, from: EpochMs) {
    this.world = world
    this.agents = world.cluster.hasAgent.flatMap((has, vm) => (has ? [this.makeAgent(vm, from)] : []))
  }

  /** Makes all known that there was before the demo begins.
   *  @param isTold also to the store; not where it knows already */
  async learn(store: SiteStore, until: EpochMs, isTold: boolean): Promise<void> {
    for (let at = until - LEARNT_MS; at <= until; at += SLOT_MS) {
      for (const agent of this.agents) this.readSlot(agent, at)
      if (isTold && (until - at) % TOLD_EVERY_MS === 0) await this.tell(store, at)
    }
  }

  /** Each reads the minute that ends at an instant. */
  read(at: EpochMs): void {
    for (const { vm, onBoard, rights } of this.agents) {
      const activity = this.world.activity(vm, at - 1)
      onBoard.observe(readingOf({ ...this.world.about(vm), activity, rights, at, spanMs: MINUTE_MS }))
    }
  }

  /** Each tells what its VM is like. */
  async tell(store: SiteStore, at: EpochMs): Promise<void> {
    await this.admit(store, at)
    const arrivals = this.agents.map((agent) => {
      const vector: PersonalityVector = agent.onBoard.vector(at, agent.sequence++)
      return { vm: vector.vmId, at, vectors: [vector], isClockOff: [false], counts: {} }
    })
    await store.vectors.take(arrivals)
  }

  /** A VM is heard through the host that it runs on. */
  private async admit(store: SiteStore, at: EpochMs): Promise<void> {
    for (const agent of this.agents) {
      const host = this.world.hostOf[agent.vm]
      if (host === agent.host) continue
      agent.host = host
      const { hosts, vms } = this.world.cluster
      await store.identities.admit(vms[agent.vm].id, at, { host: hosts[host].id })
    }
  }

  private makeAgent(vm: number, from: EpochMs): Agent {
    const { id, vcpus, refCoresPerVcpu } = this.world.cluster.vms[vm]
    const onBoard = new OnBoard({
      vmId: id,
      sender: `demo-${from}`,
      cores: vcpus,
      refCoresPerCore: refCoresPerVcpu,
      windowMs: WINDOW_MS,
      phases: PHASES_1,
    })
    const rights = { mayTrace: vm % UNTRACED !== 0, seesDirtiedMemory: vm % SEES_DIRTIED === 0 }
    return { vm, onBoard, rights, sequence: 0, host: -1 }
  }

  /** The slot that ends at an instant, before anybody contended for anything. */
  private readSlot({ vm, onBoard, rights }: Agent, at: EpochMs): void {
    const about = this.world.about(vm)
    const { mean: share } = this.world.load.slot(vm, at - SLOT_MS)
    const activity = activityOf({ ...about, at: at - 1, share, served: 1 })
    onBoard.observe(readingOf({ ...about, activity, rights, at, spanMs: SLOT_MS }))
  }
}
