/** Kills processes that write to PostgreSQL, and PostgreSQL itself, at random instants under load; what was acknowledged is looked for. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openPostgresSite } from '../../src/drivers/postgres/site.ts'
import { admit } from '../../src/engine/admission/senders.ts'
import type { Luck } from '../../src/terms/luck.ts'
import type { SiteStore } from '../../src/world/site-store.ts'
import { victimVms } from './postgres-load.ts'
import type { PostgresServer } from '../postgres-server.ts'
import { REPOSITORY } from '../repository.ts'

export interface KillFigures {
  readonly kills: number
  readonly killsOfServer: number
  readonly acknowledged: number
  /** Kept, and the answer was lost with the process. */
  readonly keptUnacknowledged: number
  readonly lines: number
  /** How often a writer was told to try again. */
  readonly triedAgain: number
}

const VMS = 5
const WRITERS = 2
/** Longest time under load before a kill. */
const LOAD_MS_MAX = 400
const START_MS_MAX = 60_000

/** A writer, and what it was told. */
class Writer {
  readonly name: string
  readonly child: ChildProcess
  vectors = 0
  readonly lines: string[] = []
  again = 0
  said = ''
  private rest = ''

  constructor(name: string, words: readonly string[]) {
    this.name = name
    const program = join(REPOSITORY, 'tools', 'server', 'postgres-victim.ts')
    this.child = spawn(process.execPath, [program, ...words, name, `${VMS}`], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.on('data', (part: Buffer) => this.hear(part.toString()))
    this.child.stderr?.on('data', (part: Buffer) => {
      this.said = (this.said + part.toString()).slice(-4000)
    })
  }

  /** Until it was told of this many vectors of each VM. */
  async reached(vectors: number): Promise<void> {
    for (let waitedMs = 0; this.vectors < vectors; waitedMs += 20) {
      assert.ok(this.child.exitCode === null && waitedMs < START_MS_MAX, `${this.name} writes nothing: ${this.said}`)
      await pause(20)
    }
  }

  async kill(): Promise<void> {
    assert.equal(this.child.exitCode, null, `${this.name} ended by itself: ${this.said}`)
    const closed = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await closed
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('vectors ')) this.vectors = Number(line.slice(8)) + 1
      else if (line.startsWith('line ')) this.lines.push(line.slice(5))
      else this.again++
    }
  }
}

/** Two processes write all the time. Each round one of them is killed and followed by another, or the server is killed and started again; in the end
 *  everything that was acknowledged is there, once. @param server is started */
export async function killAtRandom(
  server: PostgresServer,
  { luck, kills, schema }: { readonly luck: Luck; readonly kills: number; readonly schema: string },
): Promise<KillFigures> {
  const store = await openPostgresSite(server.url(), { admit, schema })
  const all: Writer[] = []
  let begun = 0
  const begin = async (): Promise<Writer> => {
    const name = `writer-${begun++}`
    for (const vm of victimVms(name, VMS)) await store.identities.admit(vm, 0, 'channel')
    const writer = new Writer(name, [server.url(), schema])
    all.push(writer)
    return writer
  }
  try {
    return await rounds(server, { luck, kills, store, all, begin })
  } finally {
    for (const { child } of all) child.kill('SIGKILL')
    await store.close()
  }
}

interface Rounds {
  readonly luck: Luck
  readonly kills: number
  readonly store: SiteStore
  /** All that ever wrote. */
  readonly all: readonly Writer[]
  readonly begin: () => Promise<Writer>
}

async function rounds(server: PostgresServer, { luck, kills, store, all, begin }: Rounds): Promise<KillFigures> {
  const writing = await Promise.all(Array.from({ length: WRITERS }, begin))
  let keptUnacknowledged = 0
  for (let kill = 0; kill < kills; kill++) {
    for (const writer of writing) await writer.reached(writer.vectors + 1)
    await pause(luck.below(LOAD_MS_MAX))
    if (kill % 2 === 1) {
      await server.kill()
      await server.again()
      // They go on by themselves, without being started again.
      continue
    }
    const place = luck.below(WRITERS)
    await writing[place].kill()
    keptUnacknowledged += await lookFor(store, writing[place], kill)
    writing[place] = await begin()
  }
  for (const writer of writing) {
    await writer.reached(writer.vectors + 1)
    await writer.kill()
    keptUnacknowledged += await lookFor(store, writer, kills)
  }
  await finish(store)
  return {
    kills,
    killsOfServer: Math.floor(kills / 2),
    acknowledged: all.reduce((sum, { vectors }) => sum + vectors * VMS, 0),
    keptUnacknowledged,
    lines: all.reduce((sum, { lines }) => sum + lines.length, 0),
    triedAgain: all.reduce((sum, { again }) => sum + again, 0),
  }
}

/** Returns how many vectors are there that nobody was told of. */
async function lookFor(store: SiteStore, { name, vectors, lines }: Writer, kill: number): Promise<number> {
  let beyond = 0
  for (const vm of victimVms(name, VMS)) {
    const kept = await store.vectors.history(vm, { from: 0, to: Number.MAX_SAFE_INTEGER, most: 1_000_000 })
    const sequences = kept.map(({ vector }) => vector.sequence)
    // Each once, in order, without a hole: 0, 1, 2, ...
    assert.deepEqual(sequences, [...sequences.keys()], `kill ${kill}: ${vm} has a vector twice, or lacks one`)
    assert.ok(sequences.length >= vectors, `kill ${kill}: ${vm} lacks an acknowledged vector`)
    beyond += sequences.length - vectors
    const accepted = (await store.identities.find(vm))?.counts['accepted'] ?? 0
    assert.equal(accepted, sequences.length, `kill ${kill}: ${vm} has another number of vectors than is counted`)
  }
  const journal = new Set((await store.journal.last(100_000)).map(({ line }) => line))
  for (const line of lines) assert.ok(journal.has(line), `kill ${kill}: an acknowledged line is gone: ${line}`)
  return beyond
}

async function finish(store: SiteStore): Promise<void> {
  assert.equal((await store.journal.verify()).kind, 'whole')
  const lines = (await store.journal.last(1_000_000)).map(({ line }) => line)
  assert.equal(new Set(lines).size, lines.length, 'a line that was told once is there twice')
  const damage = (await store.upkeep.check()).filter(({ severity }) => severity === 'damage')
  assert.deepEqual(damage, [])
}
