import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ownFolder } from './compile-cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-compiled-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const MAIN = fileURLToPath(new URL('./cli/main.ts', import.meta.url))

function ethos(words: readonly string[], cache: string) {
  const { NODE_V8_COVERAGE: _coverage, NODE_COMPILE_CACHE: _cache, ...env } = process.env
  return spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    env: { ...env, XDG_CACHE_HOME: cache },
  })
}

test('what was compiled is kept in a folder that nobody else may open', () => {
  const cache = join(folder, 'kept')
  const first = ethos(['status', '--help'], cache)
  const own = join(cache, 'ethos-compiled')
  assert.equal(statSync(own).mode & 0o777, 0o700)
  const versions = readdirSync(own)
  assert.equal(versions.length, 1)
  const kept = (): number => readdirSync(join(own, versions[0])).length
  const before = kept()
  assert.ok(before > 10)
  const second = ethos(['status', '--help'], cache)
  assert.equal(kept(), before)
  assert.equal(second.stdout, first.stdout)
})

test('a folder that others may write to is not run from', () => {
  const cache = join(folder, 'open')
  mkdirSync(join(cache, 'ethos-compiled'), { recursive: true })
  chmodSync(join(cache, 'ethos-compiled'), 0o777)
  assert.equal(ownFolder({ XDG_CACHE_HOME: cache }), undefined)
  assert.equal(ethos(['status', '--help'], cache).status, 0)
  assert.deepEqual(readdirSync(join(cache, 'ethos-compiled')), [])
})

test('where no folder can be made, a command does what it was asked all the same', () => {
  assert.equal(ownFolder({ XDG_CACHE_HOME: '/dev/null' }), undefined)
  assert.equal(ethos(['status', '--help'], '/dev/null').status, 0)
})

test('what systemd gave comes before what the user has, and a path that is none is not taken', () => {
  const [given, own] = [join(folder, 'given'), join(folder, 'own')]
  assert.equal(ownFolder({ CACHE_DIRECTORY: `${given}:/x`, XDG_CACHE_HOME: own }), join(given, 'ethos-compiled'))
  assert.equal(ownFolder({ CACHE_DIRECTORY: '', XDG_CACHE_HOME: own }), join(own, 'ethos-compiled'))
})

test('the agent keeps nothing: all that it writes is its own folder', () => {
  const cache = join(folder, 'agent')
  assert.equal(ethos(['agent', '--help'], cache).status, 0)
  assert.equal(readdirSync(folder).includes('agent'), false)
})
