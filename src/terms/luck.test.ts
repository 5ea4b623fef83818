import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import { drawFraction, hashPair, hashText, Luck } from './luck.ts'

test('the first draws of Mulberry32 are the published ones', () => {
  // The widely quoted first draws for seeds 0 and 1.
  assert.equal(new Luck(0).fraction(), 0.26642920868471265)
  assert.equal(new Luck(1).fraction(), 0.6270739405881613)
})

test('luck with a state of its own and luck as plain values draw the same', () => {
  checkProperty(
    fc.property(fc.nat(0xffffffff), (seed) => {
      const luck = new Luck(seed)
      let state = seed
      for (let i = 0; i < 20; i++) {
        const drawn = drawFraction(state)
        assert.equal(luck.fraction(), drawn.value)
        assert.ok(drawn.value >= 0 && drawn.value < 1)
        assert.equal(drawn.state, drawn.state >>> 0)
        state = drawn.state
      }
    }),
  )
})

test('fractions are uniform: each tenth gets a tenth', () => {
  const counts = Array.from({ length: 10 }, () => 0)
  const luck = new Luck(42)
  for (let i = 0; i < 100_000; i++) counts[Math.floor(luck.fraction() * 10)]++
  // Chi-square with 9 degrees of freedom stays below 27.9 in 999 of 1000 runs; each tenth expects 10 000.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  assert.ok(chiSquare < 27.9, `chi-square ${chiSquare}`)
})

test('neighbouring seeds have nothing in common', () => {
  // Correlation of 10 000 independent pairs has standard deviation 0.01: four of them are 0.04.
  let sum = 0
  for (let seed = 0; seed < 10_000; seed++)
    sum += (new Luck(seed).fraction() - 0.5) * (new Luck(seed + 1).fraction() - 0.5)
  const correlation = sum / 10_000 / (1 / 12)
  assert.ok(Math.abs(correlation) < 0.04, `correlation ${correlation}`)
})

test('whole numbers stay below their limit and reach every value', () => {
  const luck = new Luck(3)
  const seen = new Set(Array.from({ length: 200 }, () => luck.below(6)))
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5],
  )
})

test('the normal has mean 0, variance 1 and a third of its mass beyond one', () => {
  const luck = new Luck(7)
  const draws = Array.from({ length: 100_000 }, () => luck.normal())
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length
  const beyondOne = draws.filter((x) => Math.abs(x) > 1).length / draws.length
  // Standard errors: 0.0032 for the mean, 0.0045 for the variance, 0.0015 for the share; four of each.
  assert.ok(Math.abs(mean) < 0.013, `mean ${mean}`)
  assert.ok(Math.abs(variance - 1) < 0.018, `variance ${variance}`)
  assert.ok(Math.abs(beyondOne - 0.3173) < 0.006, `share beyond one ${beyondOne}`)
  assert.ok(draws.every(Number.isFinite))
})

/** MurmurHash3's finishing mix, done with big integers: another way to the same number. */
function finish(word: bigint): number {
  const mask = 0xffffffffn
  let h = word
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask
  return Number(h ^ (h >> 16n))
}

test('text is hashed by FNV-1a and a finishing mix', () => {
  // FNV-1a of "", "a" and "foobar" as its authors publish them.
  assert.equal(hashText(''), finish(0x811c9dc5n))
  assert.equal(hashText('a'), finish(0xe40c292cn))
  assert.equal(hashText('foobar'), finish(0xbf9cf968n))
})

test('a key gives another hash, and so does the order of a pair', () => {
  assert.notEqual(hashText('vm-1', 1), hashText('vm-1', 2))
  assert.notEqual(hashPair(1, 2), hashPair(2, 1))
  assert.notEqual(hashPair(1, 2, 1), hashPair(1, 2, 2))
})

test('pairs of small numbers rarely collide', () => {
  const hashes = new Set<number>()
  for (let a = 0; a < 200; a++) for (let b = 0; b < 200; b++) hashes.add(hashPair(a, b))
  // 40 000 random 32-bit numbers are expected to collide 40 000² / 2³³ = 0.19 times.
  assert.ok(hashes.size >= 39_990, `${40_000 - hashes.size} collisions`)
})
