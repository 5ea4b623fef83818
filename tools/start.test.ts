import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY, runProgram } from './repository.ts'

test('a flag that npm has taken for its own is told where it belongs, and nothing is started', () => {
  const { isSuccess, output } = runProgram(process.execPath, [join(REPOSITORY, 'tools', 'start.ts'), '60'])
  assert.equal(isSuccess, false)
  assert.equal(output, 'npm start: "60" is no flag. Flags stand behind a --, as in: npm start -- --for 60\n')
})

test('npm start runs the demo over the built page, says where, and ends by itself', () => {
  const words = [join(REPOSITORY, 'tools', 'start.ts'), '--listen', '127.0.0.1:0', '--for', '1']
  const { isSuccess, output } = runProgram(process.execPath, words)
  assert.ok(isSuccess, output)
  assert.match(output, /^Open {2}http:\/\/127\.0\.0\.1:\d+\/#token=once_\S+$/m)
  assert.match(output, /ending \(why its 1 s are over\)/)
})
