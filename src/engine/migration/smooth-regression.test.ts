import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitRobust, fitSmooth, predictSmooth } from './smooth-regression.ts'

const XS = Array.from({ length: 41 }, (_, i) => [(i - 20) / 5])
const SETTINGS = { lengths: [0.5], noiseShare: 0.01 }

test('it learns a curve from its points', () => {
  const { model } = fitSmooth(
    XS,
    XS.map(([x]) => Math.sin(x)),
    SETTINGS,
  )
  for (const x of [-3.1, -0.5, 0.33, 2.7]) assert.ok(Math.abs(predictSmooth(model, [x]) - Math.sin(x)) < 0.05)
})

test('far from all that it has seen it says the median', () => {
  const { model } = fitSmooth(
    XS,
    XS.map(([x]) => 7 + Math.sin(x)),
    SETTINGS,
  )
  assert.ok(Math.abs(predictSmooth(model, [1e6]) - 7) < 0.05)
})

test('what it says of a row left out is what it says when fitted without it', () => {
  const targets = XS.map(([x]) => Math.sin(x))
  const { leftOut } = fitSmooth(XS, targets, SETTINGS)
  const without = (i: number): number => {
    const { model } = fitSmooth(XS.toSpliced(i, 1), targets.toSpliced(i, 1), SETTINGS)
    return predictSmooth(model, XS[i])
  }
  // Not the same to the digit: without the row the median and the spread that features are divided by differ a little.
  for (const i of [3, 17, 30]) assert.ok(Math.abs(leftOut[i] - without(i)) < 0.01)
})

test('a feature with an endless length scale is not looked at', () => {
  const rows = XS.map(([x], i) => [x, (i * 7919) % 13])
  const { model } = fitSmooth(
    rows,
    XS.map(([x]) => x),
    { lengths: [1, Infinity], noiseShare: 0.1 },
  )
  assert.equal(predictSmooth(model, [1, 0]), predictSmooth(model, [1, 12]))
})

test('one stray row hardly bends a robust fit', () => {
  const targets = XS.map(([x]) => x)
  targets[20] = 50
  const robust = fitRobust(XS, targets, { lengths: [2], noiseShare: 1 })
  const plain = fitSmooth(XS, targets, { lengths: [2], noiseShare: 1 })
  const off = (model: typeof plain.model): number => Math.abs(predictSmooth(model, [0.1]) - 0.1)
  assert.ok(off(robust.model) < 0.3 * off(plain.model), `${off(robust.model)} against ${off(plain.model)}`)
})

test('without rows there is nothing to fit', () => {
  assert.throws(() => fitSmooth([], [], SETTINGS), /needs rows/)
})
