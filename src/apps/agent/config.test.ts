import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { ParseError } from '../../terms/parse.ts'
import { type AgentConfig, readConfig, vmIdOf } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const machine = nodeMachine({ root: folder })

function configured(text: string): AgentConfig {
  writeFileSync(join(folder, 'agent.conf'), text)
  return readConfig(machine, '/agent.conf')
}

test('everything has a default, and no file at all is fine', () => {
  const config = readConfig(machine, undefined)
  assert.deepEqual(
    [config.sampleEveryMs, config.vectorEveryMs, config.windowMs, config.spoolBytesMax, config.server],
    [5000, 300_000, 3_600_000, 1_048_576, undefined],
  )
  assert.ok(config.samplers.has('cpu') && config.samplers.has('dirty-pages'))
})

test('what is cheap may be looked at more often, and not less often than all', () => {
  assert.equal(configured('vm = a\n').cheapEveryMs, undefined)
  assert.equal(configured('vm = a\ncheap-every = 1s\n').cheapEveryMs, 1000)
  assert.throws(() => configured('cheap-every = 6s\n'), ParseError)
  assert.throws(() => configured('cheap-every = 500ms\n'), ParseError)
  assert.equal(configured('sample-every = 30s\ncheap-every = 6s\n').cheapEveryMs, 6000)
})

test('a file changes what it names', () => {
  const config = configured(
    '# a comment\nvm = web-1\nserver = https://ethos.example:8470/\nvector-every = 1min\n\n[samplers]\ndirty-pages = off\n',
  )
  assert.deepEqual(
    [config.vmId, config.server, config.vectorEveryMs, config.samplers.has('dirty-pages'), config.samplers.has('cpu')],
    ['web-1', 'https://ethos.example:8470', 60_000, false, true],
  )
})

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['a misspelt key', 'sampel-every = 5s', /agent\.conf:1 sampel-every.*Unknown key; known are: vm, server/],
  ['a key twice', 'vm = a\nvm = b', /agent\.conf:2.*stands above already/],
  ['a section twice', '[samplers]\n[samplers]', /agent\.conf:2.*stands above already/],
  ['a line that is none', 'hello', /agent\.conf:1.*Expected `key = value`/],
  ['a section without its end', '[samplers', /agent\.conf:1.*Expected `\[section\]`/],
  ['plain http', 'server = http://ethos.example', /Only https is spoken/],
  ['a URL with a path', 'server = https://ethos.example/v1', /Expected host and port only: https:\/\/ethos\.example/],
  ['a vector every second', 'vector-every = 1s', /from 1min to 15min/],
  ['a number without a unit', 'sample-every = 5', /Expected a duration such as 5s/],
  ['a sampler that does not exist', '[samplers]\ngpu = on', /Unknown key; known are: cpu, pressure/],
  [
    'a section that does not exist',
    '[prboes]\nevery = 5min',
    /Unknown section; known are: samplers, probes, applications/,
  ],
  [
    'a password for Redis over a network',
    '[redis]\nhost = 10.0.0.5\npassword-file = /etc/ethos/redis',
    /Redis takes a password in clear/,
  ],
  ['neither on nor off', '[samplers]\ncpu = yes', /Expected on or off/],
  ['a relative path', 'state = here', /begins with \//],
  ['an id with a space', 'vm = my vm', /printable ASCII/],
]
for (const [name, text, message] of REFUSED) {
  test(`${name} is refused with its line and the remedy`, () => {
    assert.throws(
      () => configured(text),
      (error) => error instanceof ParseError && message.test(error.message),
    )
  })
}

test('a password in the URL is refused and not repeated', () => {
  assert.throws(
    () => configured('server = https://joe:canary@ethos.example'),
    (error) => error instanceof ParseError && !error.message.includes('canary'),
  )
})

test('a named file that is not there is refused; the usual one may be missing', () => {
  assert.throws(() => readConfig(machine, '/none.conf'), /There is no such file/)
})

test('a VM is called as configured, else by its hardware, else by a keyed hash of its machine id', () => {
  const config = readConfig(machine, undefined)
  assert.equal(vmIdOf(machine, config), undefined)
  mkdirSync(join(folder, 'etc'), { recursive: true })
  writeFileSync(join(folder, 'etc', 'machine-id'), `${'0123456789abcdef'.repeat(2)}\n`)
  const hashed = vmIdOf(machine, config)
  assert.match(hashed ?? '', /^vm-[0-9a-f]{24}$/)
  assert.ok(!hashed?.includes('0123456789abcdef'))
  mkdirSync(join(folder, 'sys', 'class', 'dmi', 'id'), { recursive: true })
  writeFileSync(join(folder, 'sys/class/dmi/id/product_uuid'), '7C0F5C4E-0000-4000-8000-00000000002A\n')
  assert.equal(vmIdOf(machine, config), '7c0f5c4e-0000-4000-8000-00000000002a')
  assert.equal(vmIdOf(machine, configured('vm = web-1')), 'web-1')
})
