/** `ethos agent`: looks every few seconds and makes a vector every few minutes, until it is told to stop. */
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import { OnBoard } from '../../engine/profile/on-board.ts'
import type { PhaseModel } from '../../engine/profile/phases.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { notify } from '../../drivers/guest/notify.ts'
import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { type AgentConfig, hex, vmIdOf } from './config.ts'
import { showDuration } from './config-file.ts'
import { Courier } from './courier.ts'
import { gatherSamplers } from './gather-samplers.ts'
import type { Log } from './log.ts'
import { showOnce } from './once.ts'
import { onceAsJson } from './once-json.ts'
import { onPaper, paperOf } from './paper.ts'
import { PhaseKeeper } from './phase-keeper.ts'
import { ON_DEMAND_MS, Schedule } from './schedule.ts'
import { Watch } from './watch.ts'
import type { AgentWords } from './words.ts'

/** A sender is one run of one agent: as many random bytes. */
const SENDER_BYTES = 8

/** How often the watchdog of systemd is told that looks are taken: a quarter of what the unit allows. */
const ALIVE_EVERY_MS = MINUTE_MS

export interface RunRequest {
  readonly machine: Machine
  readonly config: AgentConfig
  readonly log: Log
  readonly asked: AgentWords
  /** Until when, in monotonic time, somebody wants what is cheap looked at each second. */
  readonly demand: { readonly untilMs: number }
  /** Aborted when the agent is to end. */
  readonly signal: AbortSignal
}

/** Returns 0 once it was told to stop. */
export async function runAgent({ machine, config, log, asked, demand, signal }: RunRequest): Promise<number> {
  const watch = new Watch(machine, gatherSamplers(machine, config), log)
  const phases = new PhaseKeeper({ machine, config, log })
  const { onBoard, vmId } = begin(machine, config, phases.model)
  const courier = new Courier({ machine, config, log, vm: vmId, phases })
  const delivery = courier.run(signal)
  const saved = machine.readText(`${config.stateFolder}/history`, HISTORY_BYTES_MAX)
  if (saved !== undefined && onBoard.restore(saved, machine.now()) === 'refused')
    log.tell('notice', 'the history kept from before is too old or damaged: a new one is begun')
  const schedule = new Schedule({
    startMs: machine.monotonicMs(),
    lookEveryMs: config.sampleEveryMs,
    ...(config.cheapEveryMs === undefined ? {} : { cheapEveryMs: config.cheapEveryMs }),
    vectorEveryMs: config.vectorEveryMs,
  })
  let isOnDemand = false
  let toldMs = machine.monotonicMs()
  let sequence = 0
  let looks = 0
  let hasPhaseChanged = false
  while (!signal.aborted) {
    const kind = schedule.kindOfNext()
    const reading = await watch.look({ onlyCheap: kind === 'cheap' })
    watch.tellChanges()
    const nowMs = machine.monotonicMs()
    schedule.demandUntil(demand.untilMs)
    schedule.looked(nowMs, kind)
    isOnDemand = tellDemand(log, { was: isOnDemand, is: schedule.isOnDemand(nowMs), config })
    if (nowMs - toldMs >= ALIVE_EVERY_MS) {
      toldMs = nowMs
      await notify(machine, 'alive')
    }
    if (reading !== undefined) {
      looks++
      if (phases.model.version !== onBoard.phases) onBoard.usePhases(phases.model)
      hasPhaseChanged = onBoard.observe(reading).phaseChanged || hasPhaseChanged
    }
    // A guest that stood still in the middle of a look has seen nothing of its window: what comes with the next look tells more.
    const isDue = looks > 0 && schedule.isVectorDue(nowMs, hasPhaseChanged)
    const vector = isDue ? onBoard.vector(machine.now(), sequence) : undefined
    if (vector !== undefined && vector.coverage > 0) {
      sequence++
      schedule.made(nowMs)
      hasPhaseChanged = false
      const { phaseName } = onBoard
      const view = { vector, looks, witness: 'guest' as const, details: [], findings: [] }
      const named = phaseName === undefined ? view : { ...view, phaseName }
      courier.offer(encodePersonality(vector))
      saveHistory(machine, config, onBoard)
      const paper = paperOf(machine.self)
      if (asked.print === 'json') machine.self.print(onceAsJson(named))
      if (asked.print === 'text') machine.self.print(onPaper(paper, showOnce(named, paper)))
    }
    await machine.sleep(schedule.waitMs(machine.monotonicMs()), signal)
  }
  await watch.close()
  await delivery
  saveHistory(machine, config, onBoard)
  return 0
}

/** Says so when looks on demand begin and when they end. Returns whether they are taken now. */
function tellDemand(
  log: Log,
  { was, is, config }: { readonly was: boolean; readonly is: boolean; readonly config: AgentConfig },
): boolean {
  if (is && !was)
    log.tell(
      'notice',
      `as asked by SIGUSR1: the cheap samplers are asked every second for ${showDuration(ON_DEMAND_MS)}`,
    )
  if (was && !is) {
    const every = showDuration(config.cheapEveryMs ?? config.sampleEveryMs)
    log.tell('notice', `the cheap samplers are asked every ${every} again`)
  }
  return is
}

/** What is known of this VM at the start: who it is. */
function begin(
  machine: Machine,
  config: AgentConfig,
  phases: PhaseModel,
): { readonly onBoard: OnBoard; readonly vmId: VmId } {
  const vmId = vmIdOf(machine, config)
  if (vmId === undefined) {
    throw new ParseError(
      'vm',
      undefined,
      'Neither the hardware nor /etc/machine-id tells who this VM is: write `vm = NAME` into the settings.',
    )
  }
  const onBoard = new OnBoard({
    vmId,
    sender: hex(machine.secrets.randomBytes(SENDER_BYTES)),
    cores: machine.self.processors,
    refCoresPerCore: config.refCoresPerCore,
    windowMs: config.windowMs,
    phases,
  })
  return { onBoard, vmId }
}

/** A day of slots is some 20 KiB; more is none of ours. */
const HISTORY_BYTES_MAX = 256 * 1024

/** Where nothing can be kept, nothing is: a restart then begins a new history. */
function saveHistory(machine: Machine, config: AgentConfig, onBoard: OnBoard): void {
  try {
    machine.files.writeWhole(`${config.stateFolder}/history`, onBoard.snapshot(), 0o600)
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
  }
}
