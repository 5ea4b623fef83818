import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../tools/property.ts'
import {
  ParseError,
  parseBoolean,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
  refuseUnknownFields,
  show,
} from './parse.ts'

test('a refusal names the place, the value and what would be right', () => {
  const error = new ParseError('hosts[3].cores', 'many', 'Expected a whole number.')
  assert.equal(error.message, 'hosts[3].cores: "many" is not usable. Expected a whole number.')
  assert.equal(error.place, 'hosts[3].cores')
})

test('what is missing is called so', () => {
  const error = new ParseError('fleet.json servers', undefined, 'Expected an object with named fields.')
  assert.equal(error.message, 'fleet.json servers: missing. Expected an object with named fields.')
})

test('a value is shown short, whatever it is', () => {
  assert.equal(show(undefined), 'nothing')
  assert.equal(show(Number.NaN), 'NaN')
  assert.equal(show(12n), '12')
  assert.equal(show('a"b'), '"a\\"b"')
  assert.equal(
    show(() => 1),
    '() => 1',
  )
  assert.equal(show('x'.repeat(1000)).length, 80)
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  assert.equal(show(loop), `${'{"self":'.repeat(10).slice(0, 77)}...`)
})

test('a list or an object is shown as JSON', () => {
  for (const json of ['[]', '{}', '[1,"a",null,[true]]', '{"a":{"b":[1,2]},"c":"d"}'])
    assert.equal(show(JSON.parse(json)), json)
  assert.equal(show({ a: undefined, b: [undefined] }), '{"b":[null]}')
  assert.equal(show(new Map()), '[object Map]')
})

test('of what is huge only the beginning is read', () => {
  let reads = 0
  const counting: ProxyHandler<unknown[]> = {
    get: (list, name) => {
      reads++
      return Reflect.get(list, name) as unknown
    },
  }
  const sevens = Array.from({ length: 1_000_000 }, () => 7)
  // 77 characters: a bracket and 38 times a digit and a comma.
  assert.equal(show(new Proxy(sevens, counting)), `[${'7,'.repeat(38)}...`)
  assert.ok(reads < 200, `${reads} reads`)
  checkProperty(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value)
      assert.equal(show(value), json.length > 80 ? `${json.slice(0, 77)}...` : json)
    }),
  )
})

test('numbers are finite and within their bounds', () => {
  assert.equal(parseNumber(0, 'n', { min: 0, max: 1 }), 0)
  assert.equal(parseNumber(1, 'n', { min: 0, max: 1 }), 1)
  for (const bad of [-0.001, 1.001, Number.NaN, Infinity, -Infinity, '1', null, undefined, [1], true]) {
    assert.throws(() => parseNumber(bad, 'n', { min: 0, max: 1 }), /Expected a finite number from 0 to 1\./)
  }
  assert.throws(() => parseNumber(-1, 'n', { min: 0 }), /of at least 0/)
  assert.throws(() => parseNumber(2, 'n', { max: 1 }), /of at most 1/)
  for (const bad of [1.5, 2 ** 53]) assert.throws(() => parseNumber(bad, 'n', { integer: true }), /whole number/)
})

test('lists, texts, words and flags are what they say', () => {
  assert.deepEqual(parseList([1, 2], 'l'), [1, 2])
  assert.throws(() => parseList({ length: 1 }, 'l'), ParseError)
  assert.throws(() => parseList([1, 2, 3], 'l', 2), /at most 2 items/)
  assert.equal(parseText('', 't'), '')
  assert.throws(() => parseText('abc', 't', 2), /at most 2 characters/)
  assert.equal(parseWord('on', 'w', ['on', 'off']), 'on')
  assert.throws(() => parseWord('On', 'w', ['on', 'off']), /one of: on, off\./)
  assert.equal(parseBoolean(false, 'b'), false)
  for (const bad of [0, 'true', null]) assert.throws(() => parseBoolean(bad, 'b'), ParseError)
})

test('fields are those of an object, and no others than the known', () => {
  for (const bad of [null, [], 'a', 1, undefined]) assert.throws(() => parseFields(bad, 'f'), ParseError)
  assert.doesNotThrow(() => refuseUnknownFields({ a: 1 }, ['a', 'b'], 'f'))
  assert.throws(() => refuseUnknownFields({ a: 1, c: 2 }, ['a', 'b'], 'f'), /f\.c: 2 .*known are: a, b\./)
})

const double = (value: unknown): number => parseNumber(value, 'n') * 2

test('absent stays absent, and zero is not absent', () => {
  assert.equal(parseOptional(undefined, double), undefined)
  assert.equal(parseOptional(null, double), undefined)
  assert.equal(parseOptional(0, double), 0)
})

test('JSON that is none is refused with its place', () => {
  assert.deepEqual(parseJson('{"a":1}', 'file.json'), { a: 1 })
  assert.throws(() => parseJson('{a:1}', 'file.json'), /^ParseError: file\.json: "\{a:1\}" is not usable/)
})
