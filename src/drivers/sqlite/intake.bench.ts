import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { bench } from '../../../tools/benchmark.ts'
import { lifeOf, vectorOfLife } from '../../../tools/server/store-life.ts'
import { admit } from '../../engine/admission/senders.ts'
import { Luck } from '../../terms/luck.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { DAY_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { Arrivals } from '../../world/site-store.ts'
import { Database } from './database.ts'
import { migrate } from './migrations.ts'
import { Tables } from './tables.ts'

/** VMs of one relaying host, and its batch. */
const BATCH = 500
const START = 20_000 * DAY_MS

const folder = mkdtempSync(join(tmpdir(), 'ethos-intake-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const lives = Array.from({ length: BATCH }, (_, i) => lifeOf(i, 1))
const luck = new Luck(1)
const vectors = lives.map((life) => vectorOfLife(life, START, luck))

const database = new Database(join(folder, 'ours.sqlite'))
migrate(database)
const tables = new Tables(database, admit)
database.whole(() => {
  for (const { vm } of lives) tables.identities.certify(vm, START, START * 2)
})

const peer = new DatabaseSync(join(folder, 'peer.sqlite'))
peer.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE vectors (id INTEGER PRIMARY KEY, vm TEXT, sender TEXT, sequence INTEGER, at REAL, line TEXT, UNIQUE (vm, sender, sequence))`)
const insert = peer.prepare('INSERT INTO vectors (vm, sender, sequence, at, line) VALUES (?, ?, ?, ?, ?)')

let round = 0
let peerRound = 0

/** The batch of one round: five minutes later, one number higher. */
function batch(i: number, size: number): readonly Arrivals[] {
  const at = START + i * SLOT_MS
  return vectors.slice(0, size).map((vector) => ({
    vm: vector.vmId,
    at,
    vectors: [{ ...vector, sequence: vector.sequence + i, windowEnd: at }],
    isClockOff: [false],
    counts: {},
  }))
}

bench(
  'judge and keep vectors in batches of 500, durably, with the usage that they tell',
  { smoke: 50, full: 10_000 },
  (size) => {
    let accepted = 0
    for (let done = 0; done < size; done += BATCH) {
      const arrivals = batch(++round, Math.min(BATCH, size - done))
      for (const intake of database.whole(() => tables.intake.take(arrivals)))
        if (intake.kind === 'heard') accepted += intake.outcomes.length
    }
    return accepted
  },
  {
    name: 'a row of JSON with one unique index, neither judged nor folded',
    work: (size) => {
      let kept = 0
      for (let done = 0; done < size; done += BATCH) {
        peer.exec('BEGIN')
        for (const { vm, at, vectors } of batch(++peerRound, Math.min(BATCH, size - done))) {
          const { sender, sequence } = vectors[0]
          kept += Number(insert.run(vm, sender, sequence, at, encodePersonality(vectors[0])).changes)
        }
        peer.exec('COMMIT')
      }
      return kept
    },
  },
)
