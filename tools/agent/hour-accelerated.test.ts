/** Test 1 of reliability in small: the same loop, samplers and vectors for an hour of a clock that runs as fast as the agent works. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseConfig } from '../../src/apps/agent/config.ts'
import { parseConfigFile } from '../../src/apps/agent/config-file.ts'
import { Log } from '../../src/apps/agent/log.ts'
import { runAgent } from '../../src/apps/agent/run.ts'
import { parseWords } from '../../src/apps/agent/words.ts'
import type { Looks, Machine } from '../../src/drivers/guest/machine.ts'
import { nodeMachine } from '../../src/drivers/guest/node-machine.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/terms/units.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const folder = mkdtempSync(join(tmpdir(), 'ethos-hour-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Of each look, new processes that the next no longer finds; behind them stand a hundred times as many that no look has found. */
const SHORT_LIVED = 25
const BIRTHS_PER_LOOK = 2500

test('an hour of looks makes twelve vectors in order, opens no file for good and keeps nothing of them in memory', () =>
  anHour('idle', nodeMachine()))

test('an hour beside 500 short programs a second does the same', () => {
  const machine = nodeMachine()
  return anHour('forks', { ...machine, ...withShortLived(machine) })
})

async function anHour(vm: string, real: Machine): Promise<void> {
  const control = new AbortController()
  const startMs = Date.now() - HOUR_MS
  const printed: string[] = []
  const used: number[] = []
  const open: number[] = []
  let passedMs = 0
  const machine: Machine = {
    ...real,
    self: { ...real.self, print: (text) => void printed.push(text), complain: () => undefined },
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    // The courier has nobody to send to, and sleeps until it is woken; the loop's sleeps make the time.
    sleep: (ms, signal) => (signal === control.signal ? pass(ms) : real.sleep(HOUR_MS, signal)),
  }
  async function pass(ms: number): Promise<void> {
    const before = Math.floor(passedMs / (10 * MINUTE_MS))
    passedMs += ms
    if (Math.floor(passedMs / (10 * MINUTE_MS)) > before) {
      collect()
      used.push(process.memoryUsage().heapUsed)
      open.push(readdirSync('/proc/self/fd').length)
    }
    // A little more than an hour: the last vector is due at its end.
    if (passedMs > HOUR_MS + MINUTE_MS) control.abort()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const settings = `vm = ${vm}\nstate = ${folder}/${vm}\nuplink = none\n`
  const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
  const log = new Log(machine, { hasLevels: false })
  const asked = parseWords(['--print', 'json'])
  assert.equal(
    await runAgent({
      machine,
      config,
      log,
      asked,
      demand: { untilMs: Number.NEGATIVE_INFINITY },
      signal: control.signal,
    }),
    0,
  )

  const looks = printed.map((text) => (JSON.parse(text) as { looks: number }).looks)
  assert.deepEqual(
    looks,
    [...new Set(looks)].toSorted((a, b) => a - b),
  )
  // One each five minutes; a change of phase tells one sooner. A look each five seconds.
  assert.ok(looks.length >= 12 && looks.length <= 60, `${looks.length} vectors`)
  assert.ok(looks.every((count, i) => count - (looks[i - 1] ?? 0) <= 61))
  assert.equal(used.length, 6)
  // Of some 15 MB that all modules of the test hold, what an hour adds after the tenth minute may be a twentieth, as in the real hour.
  assert.ok(used[5] <= used[0] * 1.05, `heap in bytes each ten minutes: ${used.join(' ')}`)
  assert.equal(open[5], open[0])
}

/** The machine as it is, and short programs beside. */
function withShortLived(real: Looks): Pick<Looks, 'list' | 'readText'> {
  let looks = 0
  const pidOf = (i: number): number => 4_000_000 + ((looks * SHORT_LIVED + i) % 100_000)
  return {
    list(path) {
      const names = real.list(path)
      if (path !== '/proc' || names === undefined) return names
      looks++
      return [...names, ...Array.from({ length: SHORT_LIVED }, (_, i) => String(pidOf(i)))]
    },
    readText(path, maxBytes) {
      const [, pid] = /^\/proc\/(4\d{6})\/stat$/.exec(path) ?? []
      if (pid !== undefined)
        return `${pid} (true) S 1 1 1 0 -1 4194304 9 0 0 0 1 0 0 0 20 0 1 0 ${looks * 500} 0 0 0 0 0`
      const text = real.readText(path, maxBytes)
      if (path !== '/proc/stat') return text
      return text?.replace(/^processes (\d+)$/m, (_, count) => `processes ${Number(count) + looks * BIRTHS_PER_LOOK}`)
    },
  }
}
