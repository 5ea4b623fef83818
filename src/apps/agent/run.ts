/** `ethos agent`: looks every few seconds and makes a vector every few minutes, until it is told to stop. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { OnBoard } from '../../engine/profile/on-board.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { parseVmId } from '../../terms/ids.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { type AgentConfig, hex, vmIdOf } from './config.ts'
import { gatherSamplers } from './gather-samplers.ts'
import type { Log } from './log.ts'
import { showOnce } from './once.ts'
import { Schedule } from './schedule.ts'
import { Watch } from './watch.ts'
import type { AgentWords } from './words.ts'

/** A sender is one run of one agent: as many random bytes. */
const SENDER_BYTES = 8

export interface RunRequest {
  readonly machine: Machine
  readonly config: AgentConfig
  readonly log: Log
  readonly asked: AgentWords
  /** Aborted when the agent is to end. */
  readonly signal: AbortSignal
}

/** Returns 0 once it was told to stop. */
export async function runAgent({ machine, config, log, asked, signal }: RunRequest): Promise<number> {
  const watch = new Watch(machine, gatherSamplers(machine, config), log)
  const onBoard = new OnBoard({
    vmId: vmIdOf(machine, config) ?? parseVmId('this-vm'),
    sender: hex(machine.secrets.randomBytes(SENDER_BYTES)),
    cores: machine.self.processors,
    refCoresPerCore: config.refCoresPerCore,
    windowMs: config.windowMs,
    phases: PHASES_1,
  })
  const schedule = new Schedule({
    startMs: machine.monotonicMs(),
    lookEveryMs: config.sampleEveryMs,
    vectorEveryMs: config.vectorEveryMs,
  })
  let sequence = 0
  let looks = 0
  let hasPhaseChanged = false
  while (!signal.aborted) {
    const reading = await watch.look()
    const nowMs = machine.monotonicMs()
    schedule.looked(nowMs)
    if (reading !== undefined) {
      looks++
      hasPhaseChanged = onBoard.observe(reading).phaseChanged || hasPhaseChanged
    }
    if (looks > 0 && schedule.isVectorDue(nowMs, hasPhaseChanged)) {
      const vector = onBoard.vector(machine.now(), sequence++)
      schedule.made(nowMs)
      hasPhaseChanged = false
      const { phaseName } = onBoard
      const view = { vector, looks, witness: 'guest' as const, details: [], findings: [] }
      const named = phaseName === undefined ? view : { ...view, phaseName }
      machine.self.print(asked.print === 'json' ? `${encodePersonality(vector)}\n` : showOnce(named))
    }
    await machine.sleep(schedule.waitMs(machine.monotonicMs()), signal)
  }
  await watch.close()
  return 0
}
