import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AxisView, CharacterView, SentenceView } from '../../../src/apps/server/views/character.ts'
import {
  absentText,
  axisValueText,
  groundsText,
  hourOfWeekText,
  LANE_WIDTH,
  phaseLanes,
  quartilesText,
  radarRing,
  radarShape,
  radarSpokes,
  rankText,
  rhythmText,
  weekMost,
  witnessesText,
} from './vm-character.ts'

const anAxis = (axis: AxisView['axis'], rest: Partial<AxisView> = {}): AxisView => ({
  axis,
  meaning: 'busy reference cores',
  unit: 'reference cores',
  value: 1,
  rank: 0.5,
  ...rest,
})
const anAbsent = (axis: AxisView['axis']): AxisView => {
  return { axis, meaning: 'read and written', unit: 'bytes/s', absent: 'no agent' }
}
const aSentence = (rest: Partial<SentenceView> = {}): SentenceView => ({
  about: 'cpu',
  text: 'It is quiet.',
  toldBy: 'host',
  ageMs: 180_000,
  ...rest,
})
const aWeek = (days: CharacterView['week']['days']): CharacterView['week'] => ({
  from: 0,
  to: 1,
  unit: 'reference cores',
  days,
  measured: 1,
})

const segment = (from: number, to: number, phase: number): CharacterView['phases']['segments'][number] => {
  return { from, to, phase, name: `p${phase}` }
}

test('a sentence says what it rests on', () => {
  assert.equal(groundsText(aSentence({ coverage: 0.98 })), '98 % measured, 3 min ago')
  assert.equal(groundsText(aSentence()), '3 min ago')
  assert.equal(
    witnessesText([aSentence(), aSentence({ toldBy: 'guest' }), aSentence()]),
    '1 of 3 sentences guest-told, 2 host-seen',
  )
  assert.equal(witnessesText([]), '')
})

test('a spoke points up first, and a value stands as far out as it has more than others', () => {
  const [up, right] = radarSpokes([anAxis('cpu', { rank: 0.8 }), anAxis('memory'), anAxis('disk'), anAxis('network')])
  assert.deepEqual([up.rim.x, up.rim.y, up.point?.y], [0, -1, -0.8])
  // A quarter of a turn: to the right.
  assert.deepEqual([right.rim.x, Math.abs(right.rim.y) < 1e-9, right.point?.x], [1, true, 0.5])
})

test('what is absent leaves the shape open on both sides', () => {
  const axes = [anAxis('cpu'), anAxis('memory'), anAbsent('disk'), anAxis('network')]
  const { fill, line } = radarShape(radarSpokes(axes))
  // Four axes make four sides; two of them end at the absent one.
  assert.equal(fill.split('M').length - 1, 2)
  assert.equal(line.replaceAll('-0.000', '0.000'), 'M0.000 -0.500L0.500 0.000M-0.500 0.000L0.000 -0.500')
  assert.equal(radarRing(radarSpokes(axes), 0.5).split('L').length, 4)
  assert.equal(radarRing([], 0.5), '')
})

test('an axis tells its value beside the quartiles of its class, or why it has none', () => {
  const axis = anAxis('memory', { unit: 'bytes', value: 2 ** 31, rank: 0.83 })
  const compared = { ...axis, quartiles: { p25: 2 ** 29, p50: 2 ** 30, p75: 1.5 * 2 ** 30, vms: 41 } }
  assert.equal(axisValueText(axis), '2 GiB')
  assert.equal(quartilesText(compared), '512 MiB · 1 GiB · 1.5 GiB')
  assert.equal(rankText(compared), 'more than 83 % of 41 VMs')
  assert.equal(axisValueText(anAbsent('disk')), 'no agent')
  assert.equal(quartilesText(axis), '–')
})

test('a share is told in per cent of its whole', () => {
  const quartiles = { p25: 0.11, p50: 0.21, p75: 0.31, vms: 49 }
  const axis = anAxis('cpu', { unit: 'share of its size', value: 0.31, quartiles })
  assert.deepEqual([axisValueText(axis), quartilesText(axis)], ['31 % of its size', '11 % · 21 % · 31 %'])
  assert.equal(axisValueText(anAxis('regularity', { unit: 'fraction of variance', value: 0.381 })), '38 % of variance')
  assert.equal(axisValueText(anAxis('burstiness', { unit: 'standard deviation over mean', value: 0.154 })), '0.154')
})

test('of many absent quantities it is told how many, of one which', () => {
  assert.equal(absentText({ what: 'ioPressureSome', why: 'no PSI' }), 'ioPressureSome: no PSI')
  assert.equal(absentText({ what: 'a, b, c', why: 'no agent in the guest' }), '3 quantities: no agent in the guest')
})

test('an hour of the week that nobody measured is not an idle one', () => {
  const week = aWeek([[null, 0.5], [1.25]])
  assert.equal(weekMost(week), 1.25)
  assert.equal(weekMost(aWeek([[null]])), undefined)
  assert.equal(hourOfWeekText(week, 1, 0, 1.25), 'Tue 00:00 to 01:00 UTC: 1.25 reference cores')
  assert.equal(hourOfWeekText(week, 6, 23, null), 'Sun 23:00 to 24:00 UTC: not measured')
})

test('phases are lanes with their share of the time, cut to what is drawn', () => {
  const lanes = phaseLanes([segment(-50, 100, 2), segment(100, 150, 0), segment(150, 200, 2)], { from: 0, to: 200 })
  // 50 of 250 and 200 of 250.
  assert.deepEqual(
    lanes.map(({ phase, name, share }) => [phase, name, share]),
    [
      [0, 'p0', 0.2],
      [2, 'p2', 0.8],
    ],
  )
  assert.equal(lanes[0].path, 'M500.0 0h250.0v1H500.0z')
  assert.equal(lanes[1].path, `M0.0 0h500.0v1H0.0zM750.0 0h250.0v1H750.0z`)
  assert.equal(LANE_WIDTH, 1000)
})

test('a rhythm is a sentence, and so is its absence', () => {
  const text = 'It repeats itself every 24 h; that explains 61 % of its ups and downs.'
  assert.equal(rhythmText({ periodMs: 86_400_000, strength: 0.61 }), text)
  assert.equal(rhythmText({ absent: 'Younger than two days.' }), 'Younger than two days.')
})
