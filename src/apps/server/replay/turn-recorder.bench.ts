import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bench } from '../../../../tools/benchmark.ts'
import { TurnBench } from '../../../../tools/server/turn-bench.ts'
import { GiB, MINUTE_MS } from '../../../terms/units.ts'
import { TurnTaker } from '../turn-taker.ts'
import { encodeRecordedTurn, type RecordedTurn } from './turn-inputs.ts'
import { TurnRecorder } from './turn-recorder.ts'

const VMS_PER_HOST = 33
/** The first is written out; those after it are told from it. */
const TURNS = 6

const lived = new Map<number, Promise<readonly RecordedTurn[]>>()

/** Turns a minute apart and slots of five, as a server takes them. */
async function liveTurns(vms: number): Promise<readonly RecordedTurn[]> {
  const site = new TurnBench({ hosts: Math.ceil(vms / VMS_PER_HOST), vms, cores: 64 })
  const turns: RecordedTurn[] = []
  try {
    await site.open()
    const recorder = { keep: (turn: RecordedTurn): Promise<void> => Promise.resolve(void turns.push(turn)) }
    site.taker = new TurnTaker({
      store: site.store,
      clock: site.clock,
      everyMs: MINUTE_MS,
      token: () => site.token,
      recorder,
    })
    for (let turn = 0; turn < TURNS; turn++) {
      site.now += MINUTE_MS
      await site.site.tellReports(site.store, site.now)
      await site.turn()
    }
    return turns
  } finally {
    await site.close()
  }
}

function turnsOf(vms: number): Promise<readonly RecordedTurn[]> {
  const known = lived.get(vms) ?? liveTurns(vms)
  lived.set(vms, known)
  return known
}

/** Returns the bytes that the files have. */
async function keepAll(vms: number): Promise<number> {
  const turns = await turnsOf(vms)
  const folder = mkdtempSync(join(tmpdir(), 'ethos-turns-'))
  try {
    const recorder = new TurnRecorder({
      folder,
      bytesMax: GiB,
      version: 'bench',
      say: (text) => {
        throw new Error(text)
      },
    })
    for (const turn of turns) await recorder.keep(turn)
    await recorder.close()
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the ranker's message costs anyway: the same, written and not packed. */
async function writeAll(vms: number): Promise<number> {
  const turns = await turnsOf(vms)
  return turns.reduce((sum, turn) => sum + encodeRecordedTurn(turn).length, 0)
}

const sizes = { smoke: 60, full: 10_000 }
bench(`keep what ${TURNS} turns were judged on, by VM; bytes`, sizes, keepAll, {
  name: 'written, not packed',
  work: writeAll,
})
