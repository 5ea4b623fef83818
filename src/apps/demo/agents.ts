/** What agents in the guests tell of themselves, heard over virtio-serial as a server on the hosts would hear it. */
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { parsePersonality } from '../../terms/personality-codec.ts'
import { type DimensionName, type PersonalityVector, readDimension } from '../../terms/personality.ts'
import { type EpochMs, MiB } from '../../terms/units.ts'
import type { ChannelDesk } from '../server/channel-lines.ts'
import { Channels } from '../server/channels.ts'
import type { Hearing } from '../server/desk.ts'
import type { IngestAnswer, LineOutcome } from '../server/ingest.ts'
import { BUILT_IN, type ServedPhases } from '../server/phase-models.ts'
import type { DemoGuest } from './scenario.ts'

const LOOK_MS = 500
const SCAN_MS = 1000

/** Keeps the newest vector of each guest, and takes each: nothing is stored. */
export class AgentDesk implements ChannelDesk {
  readonly phases: ServedPhases = BUILT_IN
  private readonly newest = new Map<string, { readonly vector: PersonalityVector; readonly heardAt: EpochMs }>()

  now(): EpochMs {
    return Date.now()
  }

  standing(): Promise<Hearing> {
    return Promise.resolve({ kind: 'heard' })
  }

  async greet(): Promise<void> {}

  async meet(): Promise<void> {}

  take(vm: VmId, lines: readonly string[]): Promise<IngestAnswer> {
    return Promise.resolve({ outcomes: lines.map((line) => this.takeOne(vm, line)) })
  }

  /** @param since the machine's instant before which nothing counts */
  heard(vm: string, since: EpochMs): PersonalityVector | undefined {
    const known = this.newest.get(vm)
    return known !== undefined && known.heardAt >= since ? known.vector : undefined
  }

  private takeOne(vm: VmId, line: string): LineOutcome {
    try {
      const vector = parsePersonality(line)
      if (vector.vmId !== vm) return { kind: 'refused', reason: `this is the channel of ${vm}` }
      this.newest.set(vm, { vector, heardAt: this.now() })
      return { kind: 'accepted', sender: vector.sender, sequence: vector.sequence }
    } catch (error) {
      if (error instanceof ParseError) return { kind: 'refused', reason: error.message }
      throw error
    }
  }
}

export class Agents {
  private readonly desk = new AgentDesk()
  private readonly channels: Channels

  private constructor(folders: readonly string[]) {
    this.channels = new Channels(this.desk, pino({ level: 'silent' }), { folders, scanMs: SCAN_MS })
  }

  /** @param folders in which hosts keep the channels of their guests */
  static listen(folders: readonly string[]): Agents {
    const agents = new Agents(folders)
    agents.channels.start()
    return agents
  }

  /** What each guest tells from now on, for so long as one has not. Whoever stays silent is left out. */
  async ask(guests: readonly DemoGuest[], msMax: number, signal: AbortSignal): Promise<readonly PersonalityVector[]> {
    const since = Date.now()
    const told = (): readonly PersonalityVector[] => guests.flatMap(({ name }) => this.desk.heard(name, since) ?? [])
    while (told().length < guests.length && Date.now() - since < msMax) await pause(LOOK_MS, undefined, { signal })
    return told()
  }

  close(): Promise<void> {
    return this.channels.close()
  }
}

/** A line per guest, in words. */
export function tellAgents(guests: readonly DemoGuest[], vectors: readonly PersonalityVector[]): string {
  const lines = ['What the agents in the guests told of their last minute:']
  for (const { name, work } of guests) {
    const vector = vectors.find(({ vmId }) => vmId === name)
    lines.push(
      `  ${name} ${`(${work})`.padEnd(10)} ${vector === undefined ? 'told nothing in time' : tellVector(vector)}`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** What is absent is left out. */
function tellVector(vector: PersonalityVector): string {
  const say = (name: DimensionName, tell: (value: number) => string): readonly string[] => {
    const value = readDimension(vector, name)
    return value === undefined ? [] : [tell(value)]
  }
  return [
    ...say('cpuRefCoresMean', (cores) => `${cores.toFixed(2)} cores`),
    ...say('cpuUserShare', (share) => `${(share * 100).toFixed(0)} % of it in user mode`),
    ...say('memoryUsedBytes', (bytes) => `${(bytes / MiB).toFixed(0)} MiB in use`),
    ...say('contextSwitchesPerSec', (rate) => `${rate.toFixed(0)} context switches a second`),
    ...say('processCount', (count) => `${count.toFixed(0)} processes`),
    ...say('phase', (phase) => PHASES_1.names[Math.round(phase)] ?? `phase ${phase}`),
  ].join(', ')
}
