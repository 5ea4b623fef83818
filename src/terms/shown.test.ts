import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addedWattsNumber,
  ageText,
  amountText,
  bandText,
  behindText,
  bytesText,
  coresText,
  countText,
  groundsText,
  hostCoresNumber,
  hostWattsNumber,
  instantText,
  isoText,
  latencyText,
  minuteText,
  moneyText,
  numberText,
  pauseText,
  percentTenthsText,
  percentText,
  printable,
  quantityText,
  rateText,
  spanText,
  threeDigits,
  wattsText,
} from './shown.ts'
import { DAY_MS, GiB, HOUR_MS, KiB, MiB, MINUTE_MS } from './units.ts'

const shownAs = (rows: readonly (readonly [string, string])[]): void => {
  for (const [shown, expected] of rows) assert.equal(shown, expected)
}

test('a span is shown in the one unit in which it is read best', () => {
  shownAs([
    [spanText(0), '0 s'],
    [spanText(59_400), '59 s'],
    [spanText(60_000), '1 min'],
    [spanText(HOUR_MS), '1 h'],
    [spanText(47 * HOUR_MS), '47 h'],
    [spanText(2 * DAY_MS), '2 d'],
    // A clock that is a little behind makes no negative age.
    [spanText(-5000), '0 s'],
    [ageText(5 * MINUTE_MS), '5 min ago'],
    [ageText(undefined), 'never'],
    [pauseText(86.6), '87 ms'],
  ])
})

test('an instant is shown in UTC, and what is no instant as such', () => {
  const at = Date.UTC(2026, 10, 28, 7, 30, 59, 999)
  shownAs([
    [minuteText(at), '2026-11-28 07:30'],
    [instantText(at), '2026-11-28 07:30 UTC'],
    [isoText(at), '2026-11-28T07:30:59.999Z'],
    [isoText(Number.NaN), '?'],
    [isoText(1e300), '?'],
  ])
})

test('each day of four centuries and some odd instants are shown as the platform shows them', () => {
  const first = Date.UTC(1900, 0, 1)
  for (let day = 0; day < 146_097 + 366; day++) {
    const at = first + day * DAY_MS + ((day * 7919) % DAY_MS)
    assert.equal(isoText(at), new Date(at).toISOString())
  }
  for (const at of [-62_167_219_200_000, -1, 0, 951_782_399_999, 951_782_400_000, 253_402_300_799_999, 1234.5])
    assert.equal(isoText(at), new Date(at).toISOString())
})

test('bytes are shown in powers of 1024, with a tenth where that says something', () => {
  shownAs([
    [bytesText(0), '0 B'],
    [bytesText(0.25), '0.3 B'],
    [bytesText(1023), '1023 B'],
    [bytesText(KiB), '1 KiB'],
    [bytesText(1.5 * MiB), '1.5 MiB'],
    [bytesText(100.4 * GiB), '100 GiB'],
    [bytesText(2 ** 63), '8192 PiB'],
    [rateText(1.5 * MiB), '1.5 MiB/s'],
  ])
})

test('shares, money, watts and factors have the digits that they need', () => {
  shownAs([
    [percentText(0), '0 %'],
    [percentText(0.0876), '8.8 %'],
    [percentText(0.876), '88 %'],
    [percentText(1.21), '121 %'],
    [percentTenthsText(0.876), '87.6 %'],
    [moneyText(0), '0'],
    // 0.1 + 0.2 - 0.3 is not nothing to a computer.
    [moneyText(0.1 + 0.2 - 0.3), '0'],
    [moneyText(-1.239), '-1.24'],
    [moneyText(0.00123), '0.0012'],
    [coresText(1.254), '1.25 reference cores'],
    [hostCoresNumber(41.56), '41.6'],
    [latencyText(1.254), 'x1.25'],
    [wattsText(12.46), '12.5 W'],
    [addedWattsNumber(12.46), '+12.5'],
    [hostWattsNumber(211.7), '212'],
    [hostWattsNumber(211.7, true), '~212'],
    [threeDigits(0.12345), '0.123'],
  ])
})

test('what a host is behind the best, and a band, are one short phrase', () => {
  shownAs([
    [behindText({ total: 0.123, term: 'energy', by: 0.1 }, 'EUR'), '0.12 EUR behind the best, most in energy (0.10)'],
    [bandText({ p10: 1.021, p90: 1.309 }, latencyText), 'x1.02 to x1.31'],
    [bandText({ p10: 1.021, p90: 1.022 }, latencyText), 'x1.02'],
  ])
})

test('what a sentence rests on is who told it, how much of the time was measured, and how long ago', () => {
  shownAs([
    [
      groundsText({ toldBy: 'host', coverage: 0.98, ageMs: 3 * MINUTE_MS }),
      'seen by its host, 98 % measured, 3 min ago',
    ],
    [groundsText({ toldBy: 'guest', ageMs: 0 }), 'told by the guest, 0 s ago'],
  ])
})

test('a number of the schema is shown with its unit, or in the unit in which bytes are read best', () => {
  shownAs([
    [numberText(3), '3'],
    [numberText(0.123456), '0.123'],
    [numberText(1234.5), '1235'],
    [amountText(2 * MiB, 'bytes/s'), '2 MiB/s'],
    [amountText(0.5, 'fraction of time'), '0.500'],
    [quantityText(2 * MiB, 'bytes'), '2 MiB'],
    [quantityText(0.5, 'reference cores'), '0.50 reference cores'],
    [quantityText(12, '1/s'), '12 1/s'],
  ])
})

test('what moves the cursor, colours the screen or turns the reading direction is shown as a stand-in', () => {
  const hostile = 'a\u001b[31mb\u202ec\u2028d\u0085'
  assert.equal(printable(hostile), 'a\ufffd[31mb\ufffdc\ufffdd\ufffd')
  assert.equal(printable('line\n\ttab'), 'line\n\ttab')
})

test('one is told as one', () => {
  assert.deepEqual(
    [countText(1, 'move'), countText(0, 'move'), countText(1440, 'turn'), countText(2, 'verdict was', 'verdicts were')],
    ['1 move', '0 moves', '1,440 turns', '2 verdicts were'],
  )
})
