import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { profileDistance } from '../../src/engine/profile/distance.ts'
import { encodePersonality } from '../../src/terms/personality-codec.ts'
import { readDimension } from '../../src/terms/personality.ts'
import type { LongTest } from '../long-test.ts'
import { REPOSITORY } from '../repository.ts'
import { nearestRecorded, watchGuests, type WorkWindow } from '../testbed/watch-guests.ts'

const WINDOWS = 3
const MOVES = 6
const PAGE_BYTES = 4096

export const longTest: LongTest = {
  summary: `Three Debian guests on two real hosts, ${WINDOWS} windows of each of five kinds of work, ${MOVES} live migrations each.`,
  run: async () => {
    const watched = await watchGuests({ windows: WINDOWS, moves: MOVES, plan: 'all', say })
    await watched.end()
    const { guests, windows } = watched
    for (const { vm, vectors, moves } of guests) {
      assert.equal(moves, MOVES)
      const numbers = vectors.map(({ sequence }) => sequence)
      assert.deepEqual(numbers, [...numbers.keys()], vm)
      assert.equal(new Set(vectors.map(({ sender }) => sender)).size, 1, vm)
    }
    assert.deepEqual(
      guests.map(({ counters }) => counters),
      ['bpftrace', 'tracefs hist', 'tracefs hist'],
    )
    writeFresh(windows, guests.map(({ recordings }) => Object.values(recordings).join('')).join(''))
    // Each is nearest to one of its own kind, of this run and of the recorded one.
    for (const { kind, vector } of windows) assert.equal(nearestRecorded(vector).kind, kind)
    const others = windows.map((window) =>
      nearest(
        window,
        windows.filter((other) => other !== window),
      ),
    )
    return {
      migrations: guests.reduce((sum, { moves }) => sum + moves, 0),
      vectors: guests.reduce((sum, { vectors }) => sum + vectors.length, 0),
      vectorsLostOrDoubled: 0,
      windows: windows.length,
      nearestOfSameWork: others.filter((other, i) => other.kind === windows[i].kind).length,
      nearestRecordedOfSameWork: windows.length,
      memoryDirtiedToldOverWritten: dirtiedRatio(windows),
      withinWorkMax: extreme(windows, (a, b) => a.kind === b.kind, Math.max),
      betweenWorksMin: extreme(windows, (a, b) => a.kind !== b.kind, Math.min),
    }
  },
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function nearest({ vector }: WorkWindow, others: readonly WorkWindow[]): WorkWindow {
  return others.reduce((best, other) =>
    profileDistance(vector, other.vector) < profileDistance(vector, best.vector) ? other : best,
  )
}

/** Mean over the dirtier's windows. */
function dirtiedRatio(windows: readonly WorkWindow[]): number {
  const ratios = windows
    .filter(({ kind }) => kind === 'dirtier')
    .map(
      ({ vector, donePerSec }) => (readDimension(vector, 'memoryDirtiedBytesPerSec') ?? 0) / (donePerSec * PAGE_BYTES),
    )
  return Number((ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length).toFixed(2))
}

/** Largest or least distance between two windows that are a pair of the wanted sort. */
function extreme(
  windows: readonly WorkWindow[],
  isWanted: (a: WorkWindow, b: WorkWindow) => boolean,
  pick: (...distances: number[]) => number,
): number {
  const pairs = windows.flatMap((a, i) => windows.slice(i + 1).flatMap((b) => (isWanted(a, b) ? [[a, b]] : [])))
  return Number(pick(...pairs.map(([a, b]) => profileDistance(a.vector, b.vector))).toFixed(2))
}

/** What a later run may be held against, once somebody has looked at it and put it in place: see testbed/README.md. */
function writeFresh(windows: readonly WorkWindow[], domstats: string): void {
  const folder = join(REPOSITORY, 'out', 'guest-workloads')
  mkdirSync(folder, { recursive: true })
  const lines = windows.map(({ kind, vector }) => JSON.stringify({ kind, vector: encodePersonality(vector) }))
  writeFileSync(join(folder, 'recorded-workloads.ndjson'), `${lines.join('\n')}\n`)
  writeFileSync(join(folder, 'domstats.txt'), domstats)
}
