import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBE_DEFAULTS } from '../../drivers/guest/probes/settings.ts'
import { ParseError } from '../../terms/parse.ts'
import { parseConfigFile } from './config-file.ts'
import { parseProbes, type ProbesAsked } from './probe-settings.ts'

function probes(text: string): ProbesAsked {
  return parseProbes(parseConfigFile(`[probes]\n${text}`, 'agent.conf').get('probes'))
}

test('everything has a default: 5 s of 300 s for system calls, all kinds of library calls', () => {
  assert.deepEqual(parseProbes(), { settings: PROBE_DEFAULTS, attachesItself: false })
})

test('each part is switched off by itself, and functions are named with their library', () => {
  const { settings } = probes('system-calls = off\nallocator = off\ntls = libfoo.so:foo_read libfoo.so:foo_write')
  assert.equal(settings.systemCallsMs, undefined)
  assert.deepEqual(settings.functions.allocator, [])
  assert.deepEqual(settings.functions.tls, [
    { library: 'libfoo.so', name: 'foo_read' },
    { library: 'libfoo.so', name: 'foo_write' },
  ])
  assert.deepEqual(settings.functions.dns, PROBE_DEFAULTS.functions.dns)
})

test('nobody is watched for more than a fifth of the time', () => {
  assert.throws(() => probes('every = 20s\nsystem-calls-for = 5s'), ParseError)
  assert.equal(probes('every = 20s\nsystem-calls-for = 4s').settings.systemCallsMs, 4000)
  // A fifth of 20 s: what the defaults say is shortened to it.
  assert.equal(probes('every = 20s').settings.systemCallsMs, 4000)
})

test('functions of the allocator are watched one after the other, and all together for no more than a fifth of the time', () => {
  // A fifth of 20 s is 4 s, of four functions 1 s each; of eight half a second.
  assert.equal(probes('every = 20s\nallocator-for = 1s').settings.attachments.allocator.attachedMs, 1000)
  assert.throws(() => probes('every = 20s\nallocator-for = 1100ms'), ParseError)
  const eight = Array.from({ length: 8 }, (_, i) => `liba.so:f${i}`).join(' ')
  assert.throws(() => probes(`every = 20s\nallocator-for = 1s\nallocator = ${eight}`), ParseError)
  assert.equal(probes('allocator = off\nallocator-for = 1s').settings.attachments.allocator.attachedMs, 1000)
})

const REFUSED: readonly (readonly [string, string])[] = [
  ['a misspelt key', 'evry = 5min'],
  ['a way that is none', 'way = magic'],
  ['a function without its library', 'tls = SSL_read'],
  ['a path as a library', 'tls = /tmp/libx.so:f'],
  ['a function that would be a program', 'tls = libx.so:f{system("id")}'],
  ['a line that would define another probe', 'tls = libx.so:f;p:a/b'],
  ['more functions than are worth it', `dns = ${'liba.so:f '.repeat(17)}`],
  ['a relative path', 'result-file = here'],
]
for (const [name, text] of REFUSED) {
  test(`${name} is refused`, () => {
    assert.throws(() => probes(text), ParseError)
  })
}
