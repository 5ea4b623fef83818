import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  beyondBounds,
  HOUR_BOUNDS,
  type HourJudgement,
  hourFigures,
  judgeHour,
  type MinuteOfUse,
  watchMinutes,
} from './hour.ts'

const MiB = 2 ** 20

/** An hour whose every minute is like this one, but for what `change` says. */
function anHour(change: (minute: number) => Partial<MinuteOfUse> = () => ({})): readonly MinuteOfUse[] {
  const usual = { cpuShare: 0.002, residentBytes: 50 * MiB, anonymousBytes: 10 * MiB, openFiles: 24 }
  return Array.from({ length: 60 }, (_, minute) => ({ ...usual, ...change(minute) }))
}

test('an hour that is always the same grows by nothing and keeps all bounds', () => {
  const judged = judgeHour(anHour())
  assert.deepEqual([judged.residentGrowth, judged.anonymousGrowth, judged.openFilesMax], [0, 0, 24])
  assert.ok(Math.abs(judged.cpuShareMean - 0.002) < 1e-9)
  assert.deepEqual(beyondBounds('agent', judged), [])
})

function busy(count: number): HourJudgement {
  return judgeHour(anHour((minute) => (minute < count ? { cpuShare: 0.5 } : {})))
}

test('three busy minutes of sixty are forgiven, four are not', () => {
  // 95 % of 60 are 57: the 57th of the minutes in order of their load is a calm one while at most three are busy.
  assert.equal(busy(3).cpuShareP95, 0.002)
  assert.equal(busy(4).cpuShareP95, 0.5)
  assert.equal(beyondBounds('agent', busy(4)).length, 1)
})

test('growth is from the tenth minute to the last, what the start takes left out', () => {
  // 40 MiB in the first five minutes, 50 at the tenth, 53 at the end: 6 %.
  const judged = judgeHour(anHour((minute) => ({ residentBytes: (minute < 5 ? 40 : minute < 30 ? 50 : 53) * MiB })))
  assert.ok(Math.abs(judged.residentGrowth - 0.06) < 1e-9)
  assert.match(beyondBounds('agent', judged).join(), /residentGrowth/)
})

test('files left open and memory beyond its bound are told', () => {
  const judged = judgeHour(anHour((minute) => (minute === 59 ? { openFiles: 201, residentBytes: 65 * MiB } : {})))
  assert.equal(beyondBounds('agent', judged).length, 2)
  assert.equal(hourFigures('node', judged)['nodeResidentMiBMax'], 65)
  assert.equal(HOUR_BOUNDS.openFilesMax, 200)
})

test('a process is read once a minute, and what it used is of that minute', async () => {
  const [minutes] = await watchMinutes([process.pid], { minutes: 3, minuteMs: 20 })
  assert.equal(minutes.length, 3)
  assert.ok(minutes.every(({ cpuShare, openFiles }) => cpuShare >= 0 && openFiles > 2))
})
