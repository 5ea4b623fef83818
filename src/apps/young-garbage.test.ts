import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { YOUNG_GARBAGE } from './young-garbage.ts'

const MODULE = fileURLToPath(new URL('./young-garbage.ts', import.meta.url))

function node(words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

test('this V8 knows the switch, by its word and from within: one that it does not know is complained of', () => {
  assert.deepEqual(node([YOUNG_GARBAGE, '--eval', '0']), { status: 0, said: '' })
  const within = `import { keepGarbageYoung } from ${JSON.stringify(MODULE)}; keepGarbageYoung()`
  assert.deepEqual(node(['--input-type=module', '--eval', within]), { status: 0, said: '' })
  assert.notEqual(node([`${YOUNG_GARBAGE}s`, '--eval', '0']).said, '')
})
