import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Life, nextLife } from './node-lean.ts'

const NODE: Life = {
  execPath: '/usr/bin/node',
  execArgv: ['--trace-warnings'],
  argv: ['/usr/bin/node', '/opt/ethos-agent.cjs', '--config', 'a b'],
  environment: { PATH: '/bin', HOME: undefined },
  versions: { node: '24.21.0', v8: '13.6' },
}
const BUN: Life = {
  execPath: '/opt/ethos-agent',
  execArgv: [],
  argv: ['bun', '/$bunfs/root/ethos-agent', '--config', 'a b'],
  environment: { PATH: '/bin' },
  versions: { node: '24.3.0', bun: '1.4.5' },
}

test('on Node the agent begins anew with the switches of a small engine, the same script and the same words', () => {
  assert.deepEqual(nextLife(NODE), {
    words: [
      '/usr/bin/node',
      '--lite-mode',
      '--single-threaded',
      '--trace-warnings',
      '/opt/ethos-agent.cjs',
      '--config',
      'a b',
    ],
    environment: { MALLOC_ARENA_MAX: '1', PATH: '/bin', ETHOS_LEAN: 'on' },
  })
})

test('as one executable it begins anew with its words and without compilers', () => {
  assert.deepEqual(nextLife(BUN), {
    words: ['/opt/ethos-agent', '--config', 'a b'],
    environment: { BUN_JSC_useJIT: '0', PATH: '/bin', ETHOS_LEAN: 'on' },
  })
})

test('what the user has set stays as it is', () => {
  const next = nextLife({ ...NODE, environment: { MALLOC_ARENA_MAX: '4' } })
  assert.equal(next?.environment['MALLOC_ARENA_MAX'], '4')
})

test('nobody begins anew twice, or against the wish of the user, or on an engine that may not know the switches', () => {
  for (const life of [NODE, BUN]) {
    assert.equal(nextLife({ ...life, environment: { ...nextLife(life)?.environment } }), undefined)
    assert.equal(nextLife({ ...life, environment: { ETHOS_LEAN: 'off' } }), undefined)
  }
  assert.equal(nextLife({ ...NODE, versions: { node: '22.19.0' } }), undefined)
  assert.equal(nextLife({ ...NODE, versions: { node: '27.0.0' } }), undefined)
})
