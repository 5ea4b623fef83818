import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParseError } from '../../terms/parse.ts'
import { parseWords } from './words.ts'

test('without words the agent runs', () => {
  assert.deepEqual(parseWords([]), { command: 'run', isOnce: false, isLive: false })
})

test('an option takes its value as the next word or after an equals sign', () => {
  assert.equal(parseWords(['--once', '--for', '1min']).forMs, 60_000)
  assert.equal(parseWords(['--once', '--for=2s', '--print=json']).print, 'json')
})

test('a command stands among options', () => {
  const words = parseWords(['doctor', '--config', '/etc/other.conf'])
  assert.deepEqual([words.command, words.configPath], ['doctor', '/etc/other.conf'])
})

test('what is cheap can be watched, for a while or without an end', () => {
  assert.deepEqual(parseWords(['--watch']), { command: 'run', isOnce: false, isLive: true })
  assert.equal(parseWords(['--watch', '--for', '30s']).forMs, 30_000)
})

for (const words of [
  ['--once', '--watch'],
  ['--onec'],
  ['--for'],
  ['--for', '5 parsecs'],
  ['--for', '0s'],
  ['--print', 'xml'],
  ['restart'],
]) {
  test(`${words.join(' ')} is refused`, () => {
    assert.throws(() => parseWords(words), ParseError)
  })
}
