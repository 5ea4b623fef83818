/** The study of the cost model, small: the real one is `npm run bench:migration`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { courseOfCopy } from '../../src/engine/migration/copy-course.ts'
import { Luck } from '../../src/terms/luck.ts'
import { MiB } from '../../src/terms/units.ts'
import { TEXTBOOK_ROUNDS } from './baselines.ts'
import { type FinishedMove, readFinishedMoves } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'
import { COST_MODEL_PATH } from './model-file.ts'
import { noiseFloor } from './noise-floor.ts'
import { verdictsOf, verdictsText } from './own-moves.ts'
import { studyPairs } from './pairs.ts'
import { COST_MODEL, foldsOf, runStudy } from './study.ts'
import { compareSynthetic } from './synthetic.ts'

/** Moves of guests that write in sequence, on links of three speeds; figures of the course, blurred by 3 %. */
function madeMoves(count: number): readonly FinishedMove[] {
  const luck = new Luck(5)
  const blur = (): number => Math.exp(0.03 * luck.normal())
  return Array.from({ length: count }, (_, i) => {
    const memoryMib = [128, 256, 384][i % 3]
    const usedMib = memoryMib * (0.4 + 0.5 * luck.fraction())
    const linkMbitPerSec = [200, 500, 1000][luck.below(3)]
    const probeBytesPerSec = linkMbitPerSec * 119_600
    const rate = luck.below(12) * MiB
    const ramBytes = (memoryMib + 0.758) * MiB
    const subject = {
      ramBytes,
      usedBytes: usedMib * MiB,
      tailUsed: 0.9,
      workingSetBytes: 33 * MiB,
      dirtied: (seconds: number) => Math.min(32 * MiB, rate * seconds) + MiB * (1 - Math.exp(-seconds)),
    }
    const terms = { bytesPerSec: probeBytesPerSec, downtimeLimitMs: 300, mode: 'precopy' as const, timeoutMs: 20_000 }
    const course = courseOfCopy(subject, terms)
    return {
      row: String(i),
      group: String(i),
      guest: String(i % 7),
      pair: i % 2 === 0 ? 'a to b' : 'b to a',
      usedMib,
      converged: course.converges,
      ...(course.converges
        ? {
            ended: {
              totalMs: course.totalMs * blur(),
              downtimeMs: course.downtimeMs * blur(),
              bytesMib: (course.sentBytes / MiB) * blur(),
            },
          }
        : {}),
      facts: {
        memoryMib,
        linkMbitPerSec,
        probeBytesPerSec,
        mode: 'precopy',
        downtimeLimitMs: 300,
        timeoutSec: 20,
        dirtyMibPerSec: rate / MiB,
        dirtyWindowSec: 1,
        load1: 1,
        cpuMsPerSec: 300,
        residentMib: usedMib + 84.5,
        unusedMib: memoryMib - usedMib,
      },
    }
  })
}

test('on moves of its own kind the cost model is far ahead of textbook rounds', () => {
  const moves = madeMoves(60)
  const request = { moves, seeds: [1], folds: 3, groupOf: ({ group }: FinishedMove) => group }
  const [ours, textbook] = runStudy({ ...request, promisers: [COST_MODEL, TEXTBOOK_ROUNDS] })
  assert.ok(ours.total.mean < 5, String(ours.total.mean))
  assert.ok(ours.bytes.mean < 4, String(ours.bytes.mean))
  assert.ok(textbook.total.mean > 3 * ours.total.mean, String(textbook.total.mean))
  assert.ok(ours.downtime.mean < 0.3 * textbook.downtime.mean)
})

test('the model that ships is the one that its command fits to the moves that ship', () => {
  const shipped = JSON.parse(readFileSync(COST_MODEL_PATH, 'utf8')) as { provenance: string }
  const fitted = fitCostModel(readFinishedMoves(), shipped.provenance)
  assert.deepEqual(shipped, JSON.parse(JSON.stringify(fitted)))
})

test('folds hold every group once and never tear one apart', () => {
  const groups = Array.from({ length: 23 }, (_, i) => `g${i}`)
  const folds = foldsOf(groups, 4, 9)
  assert.deepEqual(folds.flatMap((fold) => [...fold]).toSorted(), groups.toSorted())
  assert.notDeepEqual(folds, foldsOf(groups, 4, 10))
})

test('verdicts tell how sure the surest wrong start was, and nothing where there was none', () => {
  const [move] = madeMoves(1)
  const { ended: _, ...stuck } = { ...move, converged: false }
  const done = { ...stuck, converged: true, ended: { totalMs: 1, downtimeMs: 1, bytesMib: 100 } }
  const judged = [
    { move: done, pConverge: 0.9, bytesMib: 110 },
    { move: stuck, pConverge: 0.6, bytesMib: 1 },
    { move: stuck, pConverge: 0.7, bytesMib: 1 },
    { move: stuck, pConverge: 0.4, bytesMib: 1 },
  ]
  const verdicts = verdictsOf('made', judged, 1)
  assert.deepEqual([verdicts.endedAsSaid, verdicts.refusedRightly, verdicts.startedWrongly], [1, 1, 2])
  assert.equal(verdicts.surestMiss, 0.7)
  // 0.1, 0.6, 0.7, 0.4 squared are 0.01, 0.36, 0.49, 0.16: 1.02 by four.
  assert.ok(Math.abs(verdicts.brier - 25.5) < 1e-9, String(verdicts.brier))
  const sure = verdictsOf('made', judged.slice(0, 1), 1)
  assert.equal(sure.surestMiss, undefined)
  assert.match(verdictsText([verdicts, sure]), /10\.00 %\s+25\.50\s+0\.700\n.*10\.00 %\s+1\.00\s+none$/)
})

test('the noise floor is the distance of repeats from their middle', () => {
  const [move] = madeMoves(1)
  // 90, 100, 120 around 100: 10 %, 0 %, 20 %; the median is 10 %.
  const repeats = [90, 100, 120].map((value, i) => ({
    ...move,
    row: String(i),
    group: 'repeats 1',
    ended: { totalMs: value, downtimeMs: value, bytesMib: value },
  }))
  assert.ok(Math.abs(noiseFloor(repeats).total - 10) < 1e-9)
})

test('on synthetic dirty curves the closed form is within 1 % of the simulation slice by slice', () => {
  const result = compareSynthetic(300, 3)
  assert.ok(result.totalMean < 1, String(result.totalMean))
  assert.ok(result.totalMedian < 0.1)
  assert.ok(result.bytesMedian < 0.1)
  assert.ok(result.wrongVerdicts < 0.7, String(result.wrongVerdicts))
})

test('a pair that is a third slower is promised so before long, and one that is as promised stays', () => {
  const pairs = studyPairs(madeMoves(60), { folds: 3, seed: 1 })
  assert.ok(pairs.slowerPlain > 15, String(pairs.slowerPlain))
  assert.ok(pairs.slowerCorrected < 0.5 * pairs.slowerPlain, String(pairs.slowerCorrected))
  assert.ok(pairs.corrected < pairs.plain + 1)
})
