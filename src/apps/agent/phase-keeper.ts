/** Which phase model the agent tells phases by: the one that comes with it, until its server has another (decision 0009). A model is data: numbers and
 *  names within bounds. What is fetched is kept on disk, with a sum to check it by. */
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import {
  decodePhaseModel,
  encodePhaseModel,
  PHASE_MODEL_BYTES_MAX,
  type PhaseModel,
} from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { ParseError } from '../../terms/parse.ts'
import { PHASES_VERSION_MAX } from '../../terms/personality-codec.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { type AgentConfig, hex } from './config.ts'
import type { Log } from './log.ts'

const NAME = 'phases'
const FILE_MODE = 0o600
/** SHA-256 in hexadecimal and a line end stand in front of the model. */
const SUM_LENGTH = 64
/** A model is used for so long at least: a server that changes its mind with every answer is not followed with every answer. */
const CHANGE_MS_MIN = 10 * MINUTE_MS
/** After a model that did not come, or was none, the next is asked for after so long, doubled each time up to the longest. */
const AGAIN_MS_MIN = MINUTE_MS
const AGAIN_MS_MAX = HOUR_MS

export interface PhaseKeeperParts {
  readonly machine: Machine
  readonly config: Pick<AgentConfig, 'stateFolder'>
  readonly log: Log
}

/** What a way to the server needs of it. */
export type PhaseOrders = Pick<PhaseKeeper, 'announced' | 'wanted' | 'take' | 'failed'>

export class PhaseKeeper {
  private readonly parts: PhaseKeeperParts
  private current: PhaseModel
  private asked: number | undefined
  private notBeforeMs = -Infinity
  private failures = 0

  /** Takes up what is kept; what is damaged is said, and the built-in model used. */
  constructor(parts: PhaseKeeperParts) {
    this.parts = parts
    const kept = readKept(parts.machine, parts.config.stateFolder)
    if (typeof kept === 'string')
      parts.log.tell('warning', `${kept}; phases are told by the built-in model ${PHASES_1.version}`)
    this.current = typeof kept === 'object' ? kept : PHASES_1
  }

  get model(): PhaseModel {
    return this.current
  }

  /** The server has told the version of its model. It is the server's to say, forwards and back; what can't be a version is passed over. */
  announced(version: number): void {
    if (Number.isInteger(version) && version >= 1 && version <= PHASES_VERSION_MAX) this.asked = version
  }

  /** The version that is to be fetched now, if any. */
  wanted(nowMs: number): number | undefined {
    if (this.asked === undefined || this.asked === this.current.version || nowMs < this.notBeforeMs) return undefined
    if (this.asked !== PHASES_1.version) return this.asked
    // It is at hand: versions name the same model everywhere.
    this.use(PHASES_1, nowMs)
    return undefined
  }

  /** The server sent a model. One that is not what it should be is refused, and the old one stays. */
  take(text: string, nowMs: number): void {
    try {
      const model = decodePhaseModel(text)
      if (model.version === this.asked) this.use(model, nowMs)
      else this.failed(`phase model ${this.asked} was announced, and ${model.version} was sent`, nowMs)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.failed(`the phase model that the server sent is none: ${error.message}`, nowMs)
    }
  }

  /** It did not come. @param afterMs how long the server asks to wait, if it does */
  failed(reason: string, nowMs: number, afterMs = 0): void {
    const againMs = Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** Math.min(30, this.failures++))
    this.notBeforeMs = nowMs + Math.min(AGAIN_MS_MAX, Math.max(afterMs, againMs))
    this.parts.log.say('warning', 'phases', `${reason}. Phases are told by model ${this.current.version} as before`)
  }

  private use(model: PhaseModel, nowMs: number): void {
    const { machine, config, log } = this.parts
    this.current = model
    this.failures = 0
    this.notBeforeMs = nowMs + CHANGE_MS_MIN
    log.say('notice', `phases ${model.version}`, `phases are told by model ${model.version} from now on`)
    try {
      keep(machine, config.stateFolder, model)
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      log.say('warning', 'phases kept', `the phase model can not be kept: ${error.message}. A restart fetches it again`)
    }
  }
}

/** The model that is kept, for those who only look; the built-in one where there is none. */
export function keptPhases(machine: Machine, folder: string): PhaseModel {
  const kept = readKept(machine, folder)
  return typeof kept === 'object' ? kept : PHASES_1
}

/** A model; why what lies there is none; undefined if nothing lies there. */
function readKept(machine: Machine, folder: string): PhaseModel | string | undefined {
  const path = `${folder}/${NAME}`
  const text = machine.readText(path, SUM_LENGTH + 1 + PHASE_MODEL_BYTES_MAX)
  if (text === undefined) return machine.access(path) === 'missing' ? undefined : `${path} can not be read`
  const body = text.slice(SUM_LENGTH + 1)
  if (text !== sealed(machine, body)) return `${path} is damaged`
  try {
    return decodePhaseModel(body, path)
  } catch (error) {
    // Kept by an agent of another version, whose bounds were others.
    if (error instanceof ParseError) return `${path} is no phase model: ${error.message}`
    throw error
  }
}

/** The built-in model needs no file. */
function keep(machine: Machine, folder: string, model: PhaseModel): void {
  const path = `${folder}/${NAME}`
  if (model === PHASES_1) return machine.files.remove(path)
  const body = encodePhaseModel(model)
  machine.files.makeFolder(folder, 0o700)
  machine.files.writeWhole(path, sealed(machine, body), FILE_MODE)
}

function sealed(machine: Machine, body: string): string {
  const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0))
  return `${hex(machine.secrets.digest('sha256', bytes))}\n${body}`
}
