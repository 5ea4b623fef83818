/** Moves that go right and wrong in staged time, as the API tells of them at instants of it, beside what the journal and the platform have at the same
 *  instant. A program: a test runner watches every promise, and makes them several times as slow. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { movesText } from '../../src/apps/server/moves-text.ts'
import type { IntentEnd, MoveFigures } from '../../src/terms/intent.ts'
import { readMoveLine } from '../../src/terms/move-record.ts'
import { fuzzMoves } from '../moves/fuzz.ts'
import type { Rig } from '../moves/rig.ts'

/** One instant. */
export interface MoveState {
  /** What `GET /v1/migrations` would answer. */
  readonly told: string
  /** By the journal, read here anew: moves that were begun, and how those ended that did. */
  readonly journal: readonly {
    readonly id: string
    readonly vm: string
    readonly to: string
    readonly end?: IntentEnd
    readonly figures?: MoveFigures
  }[]
  /** By the platform: where each VM executes now. */
  readonly runsOn: Readonly<Record<string, readonly string[]>>
  /** VMs that somebody killed or moved by hand at any time: of them the end is no proof of where they are later. */
  readonly faulted: readonly string[]
}

const OUTPUT_BYTES_MAX = 256 * 1024 * 1024
/** Of moves that ended the newest: more would only be told again and again. */
const ENDED_MAX = 12
/** So that one kind of a quarter of an hour does not make up most of them. */
const OF_SEED_MAX = 120

/** States in which something differs from the one before, of as many seeds as it takes. */
export async function moveStates(many: number): Promise<readonly MoveState[]> {
  const words = [fileURLToPath(import.meta.url), String(many)]
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: OUTPUT_BYTES_MAX })
  return JSON.parse(stdout) as readonly MoveState[]
}

async function collect(many: number): Promise<readonly MoveState[]> {
  const states: MoveState[] = []
  for (let seed = 0; states.length < many; seed++) {
    const mine: MoveState[] = []
    let last = ''
    await fuzzMoves(seed, {}, (rig) => {
      const pass = rig.pass.bind(rig)
      rig.pass = async (ms, everyMs) => {
        await pass(ms, everyMs)
        const told = toldOf(rig)
        const { asOf: _, ...rest } = JSON.parse(told) as { asOf: number; open: unknown[] }
        const text = JSON.stringify(rest)
        if (text === last || (rest.open.length === 0 && mine.length % 4 !== 0)) return
        last = text
        mine.push({ told, ...truthOf(rig) })
      }
    })
    const every = Math.max(1, Math.floor(mine.length / OF_SEED_MAX))
    states.push(...mine.filter((_, i) => i % every === 0).slice(0, OF_SEED_MAX))
  }
  return states.slice(0, many)
}

function toldOf({ mover, clock }: Rig): string {
  const view = mover.view()
  const nothing = { proposals: [], objections: [], evacuations: [] }
  const newest = { ...view, ended: view.ended.slice(-ENDED_MAX) }
  return movesText({ at: clock.now(), driver: 'imagined', view: newest, ...nothing })
}

function truthOf({ lines, vms, platform, monitor }: Rig): Omit<MoveState, 'told'> {
  const journal = new Map<string, MoveState['journal'][number]>()
  for (const text of lines) {
    const line = readMoveLine(text)
    if (line === undefined) continue
    if (line.step === 'intent') {
      const { id, vmId: vm, to } = line.intent.order
      journal.set(id, { id, vm, to })
    } else if (line.step === 'closed') {
      const begun = journal.get(line.orderId)
      const figures = line.figures === undefined ? {} : { figures: line.figures }
      if (begun !== undefined) journal.set(line.orderId, { ...begun, end: line.state, ...figures })
    }
  }
  return {
    journal: [...journal.values()],
    runsOn: Object.fromEntries(vms.map((vm) => [vm, platform.machines.executing(vm)])),
    faulted: [...monitor.faulted],
  }
}

if (import.meta.main) process.stdout.write(JSON.stringify(await collect(Number(process.argv[2]))))
