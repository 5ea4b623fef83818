import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { parseConfig } from './config.ts'
import { parseConfigFile } from './config-file.ts'
import { Log } from './log.ts'
import { runAgent } from './run.ts'
import { parseWords } from './words.ts'

test('a guest that stands still in the middle of a look tells nothing of what nobody saw, and says that a look took long', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-run-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const control = new AbortController()
  const real = nodeMachine()
  const startMs = Date.now() - HOUR_MS
  const [printed, said]: [string[], string[]] = [[], []]
  let passedMs = 0
  let hasStood = false
  const machine: Machine = {
    ...real,
    readText: (path, bytes) => {
      // Two and a half minutes pass while it looks at the third minute's end.
      if (!hasStood && passedMs > 3 * MINUTE_MS - 10 && path === '/proc/stat') {
        passedMs += 2.5 * MINUTE_MS
        hasStood = true
      }
      return real.readText(path, bytes)
    },
    self: { ...real.self, print: (text) => void printed.push(text), complain: (text) => void said.push(text) },
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    sleep: async (ms, signal) => {
      if (signal !== control.signal) return real.sleep(HOUR_MS, signal)
      passedMs += ms
      if (passedMs > 8 * MINUTE_MS) control.abort()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const settings = `vm = vm-1\nstate = ${folder}\nuplink = none\nvector-every = 1min\nwindow = 1min\n`
  const config = parseConfig(
    machine,
    parseConfigFile(`${settings}[samplers]\nprocesses = off\nsockets = off\n`, 'conf'),
  )
  const log = new Log(machine, { hasLevels: false })
  const asked = parseWords(['--print', 'json'])
  const demand = { untilMs: Number.NEGATIVE_INFINITY }
  assert.equal(await runAgent({ machine, config, log, asked, demand, signal: control.signal }), 0)
  assert.ok(hasStood)
  const vectors = printed.map((text) => JSON.parse(text) as { coverage: number })
  assert.ok(vectors.length >= 4)
  assert.ok(
    vectors.every(({ coverage }) => coverage > 0),
    JSON.stringify(vectors.map(({ coverage }) => coverage)),
  )
  assert.match(said.join(''), /a look took 150 s. Did this VM stand still\?/)
})
