import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ID_LENGTH_MAX, parseClusterId, parseHostId, parseOrderId, parseVmId } from './ids.ts'
import { ParseError } from './parse.ts'

const PARSERS = { parseVmId, parseHostId, parseClusterId, parseOrderId }

for (const [name, parse] of Object.entries(PARSERS)) {
  test(`${name} takes what platforms use as ids`, () => {
    for (const id of [
      '100',
      'qemu/104',
      '6f1c8e0e-4d5b-4f0e-9d6e-0a6f3d5c2b1a',
      'OpaqueRef:ab',
      'a',
      '~',
      'x'.repeat(ID_LENGTH_MAX),
    ]) {
      assert.equal(parse(id), id)
    }
  })

  test(`${name} refuses what would not stay one word, or would grow on the wire`, () => {
    const bad = [
      '',
      'x'.repeat(ID_LENGTH_MAX + 1),
      'two words',
      'a"b',
      'a\\b',
      'line\n',
      '\u0000',
      'é',
      '\u{1F600}',
      7,
      null,
      undefined,
      {},
      ['a'],
    ]
    for (const id of bad) assert.throws(() => parse(id), ParseError)
  })

  test(`${name} says where the bad id stands`, () => {
    assert.throws(
      () => parse('a b', 'vms[3].id'),
      /^ParseError: vms\[3\]\.id: "a b" is not usable\. Expected 1 to 64 printable ASCII/,
    )
  })
}
