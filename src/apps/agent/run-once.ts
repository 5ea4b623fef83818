/** `ethos agent --once`: looks for a while, prints what the VM is like, and ends. Sends nothing, and leaves nothing behind. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { OnBoard } from '../../engine/profile/on-board.ts'
import { parseVmId } from '../../terms/ids.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { type AgentConfig, vmIdOf } from './config.ts'
import type { Log } from './log.ts'
import { gatherSamplers } from './gather-samplers.ts'
import { showOnce } from './once.ts'
import { onceAsJson } from './once-json.ts'
import { onPaper, paperOf } from './paper.ts'
import { keptPhases } from './phase-keeper.ts'
import { type SamplerDetails, Watch } from './watch.ts'
import type { AgentWords } from './words.ts'

export interface OnceRequest {
  readonly machine: Machine
  readonly config: AgentConfig
  readonly log: Log
  readonly asked: AgentWords
}

/** How long it looks where nobody says. */
const ONCE_MS = 5 * SECOND_MS

/** Exit code 0 whatever the guest lacks: what can't be seen is absent and said. */
export async function runOnce({ machine, config, log, asked }: OnceRequest): Promise<number> {
  const samplers = gatherSamplers(machine, config)
  const watch = new Watch(machine, samplers, log)
  const onBoard = new OnBoard({
    vmId: vmIdOf(machine, config) ?? parseVmId('this-vm'),
    sender: 'once',
    cores: machine.self.processors,
    refCoresPerCore: config.refCoresPerCore,
    windowMs: config.windowMs,
    phases: keptPhases(machine, config.stateFolder),
  })
  const { forMs = ONCE_MS } = asked
  const endMs = machine.monotonicMs() + forMs
  const everyMs = Math.min(SECOND_MS, forMs / 2)
  let details: SamplerDetails[] = []
  let looks = 0
  await watch.look()
  do {
    await machine.sleep(Math.max(0, Math.min(everyMs, endMs - machine.monotonicMs())))
    details = []
    const isLast = machine.monotonicMs() >= endMs
    const reading = await watch.look(isLast ? { into: details } : {})
    if (reading !== undefined) onBoard.observe(reading)
    looks++
  } while (machine.monotonicMs() < endMs)
  const { phaseName } = onBoard
  const view = {
    vector: onBoard.vector(machine.now(), 0),
    looks,
    ...(phaseName === undefined ? {} : { phaseName }),
    witness: 'guest' as const,
    details,
    findings: await watch.findings(),
  }
  await watch.close()
  const paper = paperOf(machine.self)
  machine.self.print(asked.print === 'json' ? onceAsJson(view) : onPaper(paper, showOnce(view, paper)))
  return 0
}
