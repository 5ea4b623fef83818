import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineKey, settledPrefix } from './settled.ts'

const line = (sender: string, seq: number): string =>
  `{"schema":1,"vm":"a","sender":"${sender}","seq":${seq},"endMs":1}`
const LINES = [line('a', 7), line('a', 8), line('b', 0), line('b', 1)]
const acks = (...pairs: [string, number][]) => new Map(pairs)

test('only what a server has named is settled, from the first line on', () => {
  const none = new Set<number>()
  assert.equal(settledPrefix(LINES, { acks: acks(['a', 8], ['b', 1]), refused: none }), 4)
  assert.equal(settledPrefix(LINES, { acks: acks(['a', 8], ['b', 0]), refused: none }), 3)
  assert.equal(settledPrefix(LINES, { acks: acks(['a', 7], ['b', 1]), refused: none }), 1)
  assert.equal(settledPrefix(LINES, { acks: acks(['b', 1]), refused: none }), 0)
  assert.equal(settledPrefix(LINES, { acks: acks(), refused: none }), 0)
  assert.equal(settledPrefix([], { acks: acks(), refused: none }), 0)
})

test('a line that is refused is settled too, and one that has no name only then', () => {
  const lines = ['garbage', ...LINES]
  const all = acks(['a', 8], ['b', 1])
  assert.equal(settledPrefix(lines, { acks: all, refused: new Set([0]) }), 5)
  assert.equal(settledPrefix(lines, { acks: all, refused: new Set([1]) }), 0)
})

test('sender and number are read from a line, and from nothing else', () => {
  assert.deepEqual(lineKey(LINES[0]), { sender: 'a', sequence: 7 })
  for (const text of ['', '{}', '{"sender":"a"}', '{"sender":"a","seq":-1,', '{"sender":"a","seq":1e3,', '"sender":"a'])
    assert.equal(lineKey(text), undefined)
})
