/** The whole demo: hosts up, an evening per policy with fresh guests each, hosts gone again. */
import { type AnyBalancer } from '../backtest/balancers.ts'
import { Agents } from './agents.ts'
import { compareEvenings, type DemoFigures, measureEvening } from './figures.ts'
import { type EveningRun, playEvening } from './run.ts'
import { EVENING, QUIET_UNTIL_MS, withAgents } from './scenario.ts'
import { GuestLost, Stage } from './stage.ts'

/** Evenings that are begun anew because the emulator spoilt a guest. */
const LOST_MAX = 3

export interface DemoOptions {
  /** The first is compared with the others. */
  readonly balancers: readonly AnyBalancer[]
  readonly speed: number
  readonly seed: number
  /** Whether an agent runs in each guest. */
  readonly hasAgents: boolean
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

export interface DemoResult {
  readonly figures: DemoFigures
  readonly runs: readonly EveningRun[]
  /** Guests that the emulator spoilt, a sentence each: the evening was begun anew with fresh ones. */
  readonly lost: readonly string[]
}

/** Leaves nothing behind, however it ends. Rejects with the signal's reason when that is aborted. */
export async function playDemo(options: DemoOptions): Promise<DemoResult> {
  const { balancers, speed, tell, signal } = options
  signal.throwIfAborted()
  tell(`Starting ${EVENING.hosts.length} hosts, each a libvirtd of its own in namespaces.`)
  const stage = await Stage.up(EVENING.hosts, options.hasAgents)
  const agents = options.hasAgents ? Agents.listen(stage.channelFolders) : undefined
  const lost: string[] = []
  try {
    const runs: EveningRun[] = []
    for (const balancer of balancers)
      runs.push(await playUntilWhole({ stage, agents, balancer, lost, hostShare: runs[0]?.hostShare }, options))
    const evenings = runs.map((run) => measureEvening(run, { speed, quietUntilMs: QUIET_UNTIL_MS }))
    return { figures: compareEvenings(evenings, speed), runs, lost }
  } finally {
    await agents?.close()
    tell('Taking guests and hosts down.')
    await stage.down()
  }
}

/** One evening to come. */
interface Coming {
  readonly stage: Stage
  readonly agents: Agents | undefined
  readonly balancer: AnyBalancer
  readonly lost: string[]
  /** As in the first evening, so that all have the same. */
  readonly hostShare: number | undefined
}

async function playUntilWhole(
  { stage, agents, balancer, lost, hostShare }: Coming,
  { speed, seed, signal, tell }: DemoOptions,
): Promise<EveningRun> {
  for (;;) {
    signal.throwIfAborted()
    tell(`${balancer.name}: booting ${EVENING.guests.length} guests.`)
    try {
      return await playEvening({
        stage,
        scenario: agents === undefined ? EVENING : withAgents(EVENING),
        balancer,
        // In the first evening alone: guests are alike in all.
        ...(agents === undefined ? {} : { agents, asksAgents: hostShare === undefined }),
        ...(hostShare === undefined ? {} : { hostShare }),
        speed,
        seed,
        signal,
        tell: (text) => tell(`${balancer.name}: ${text}`),
      })
    } catch (error) {
      if (!(error instanceof GuestLost) || lost.length >= LOST_MAX) throw error
      lost.push(`${balancer.name}: ${error.message}`)
      tell(`The emulator spoilt a guest (${error.message}); the evening begins anew with fresh ones.`)
    }
  }
}
