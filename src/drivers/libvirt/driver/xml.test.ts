import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParseError } from '../../../terms/parse.ts'
import { attributeOf, childOf, childrenOf, parseXml, textOf } from './xml.ts'

test('elements, attributes, text, entities, CDATA and namespaces are read', () => {
  const root = parseXml(
    `<?xml version="1.0"?><!-- one --><a x='1' y="&lt;&#65;&#x42;&amp;"><b/>t&gt;<![CDATA[<&]]><!-- c --><n:c xmlns:n='urn:n' k=''><d/></n:c></a>\n`,
    'it',
  )
  assert.deepEqual([root.name, attributeOf(root, 'y'), textOf(root)], ['a', '<AB&', 't><&'])
  assert.deepEqual(
    childrenOf(root).map(({ name, namespace }) => [name, namespace]),
    [
      ['b', ''],
      ['c', 'urn:n'],
    ],
  )
  assert.equal(childOf(root, 'c')?.source, "<n:c xmlns:n='urn:n' k=''><d/></n:c>")
  assert.equal(childOf(undefined, 'x'), undefined)
})

const DEEP = 200
for (const [what, xml] of [
  ['nothing', ''],
  ['text alone', 'hello'],
  ['HTML', '<!DOCTYPE html><html><br></html>'],
  ['entities of its own', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ['an unknown entity', '<a>&b;</a>'],
  ['a character that is none', '<a>&#0;</a>'],
  ['half a pair', '<a>&#xd800;</a>'],
  ['an ampersand', '<a>a & b</a>'],
  ['an element that does not end', '<a><b></a>'],
  ['half an element', '<a'],
  ['half a comment', '<a><!-- '],
  ['half a CDATA', '<a><![CDATA[ '],
  ['an attribute twice', "<a b='1' b='2'/>"],
  ['an attribute without a value', '<a b/>'],
  ['two roots', '<a/><b/>'],
  ['too deep a nest', `${'<a>'.repeat(DEEP)}${'</a>'.repeat(DEEP)}`],
  ['too many elements', `<a>${'<b/>'.repeat(60_000)}</a>`],
  ['too much', `<a>${' '.repeat(5_000_000)}</a>`],
] as const) {
  test(`${what} is refused by a message that shows none of it`, () => {
    assert.throws(
      () => parseXml(xml, 'it'),
      (error) => error instanceof ParseError && error.message.length < 200,
    )
  })
}

test('what is refused is not repeated, for it may hold secrets', () => {
  const secret = 'xyzzy-secret'
  for (const xml of [`<a p='${secret}`, `<a>&${secret};</a>`, `<${secret}>`, `<a></${secret}>`, `<a ${secret}/>`])
    assert.throws(
      () => parseXml(xml, 'it'),
      (error) => error instanceof ParseError && !error.message.includes(secret.slice(0, 4)),
    )
})

test('long texts of one kind are read in a time that grows with their length', () => {
  const startedAt = process.cpuUsage().user
  for (const text of [' '.repeat(2e6), '&amp;'.repeat(4e5), '-'.repeat(2e6)]) parseXml(`<a>${text}</a>`, 'it')
  for (const text of ['<a '.repeat(2e5), `<a${' '.repeat(2e6)}`, `<a ${"b='1' ".repeat(1e5)}`])
    assert.throws(() => parseXml(text, 'it'), ParseError)
  assert.ok(process.cpuUsage().user - startedAt < 3_000_000)
})
