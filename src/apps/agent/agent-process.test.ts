import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'ethos-agent-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const entry = join(import.meta.dirname, 'entry.ts')

test('an agent reads its settings again on SIGHUP, keeps the old ones if they are broken, looks more often on SIGUSR1, and stops on SIGTERM', async () => {
  const path = join(folder, 'agent.conf')
  const settings = `vm = web-1\nstate = ${folder}/state\nsample-every = 1s\n`
  writeFileSync(path, settings)
  const agent = spawn(process.execPath, [entry, '--config', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const waitFor = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (said.includes(text)) resolve()
      }
      agent.stderr.on('data', look)
      look()
    })
  agent.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  // Its state folder stands once the spool is open: from then on it listens to signals.
  while (!hasState()) {
    assert.equal(agent.exitCode, null, said)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  agent.kill('SIGHUP')
  await waitFor('read again')
  writeFileSync(path, `${settings}sampel-every = 5s\n`)
  agent.kill('SIGHUP')
  await waitFor('the old ones stay')
  assert.match(said, /Unknown key/)
  // Asked for twice is said once.
  agent.kill('SIGUSR1')
  await waitFor('the cheap samplers are asked every second for 5min')
  agent.kill('SIGUSR1')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.equal(said.split('as asked by SIGUSR1').length, 2)
  const ended = new Promise((resolve) => agent.once('close', resolve))
  agent.kill('SIGTERM')
  assert.equal(await ended, 0)
  assert.ok(readdirSync(join(folder, 'state')).includes('history'))
})

function hasState(): boolean {
  try {
    return readdirSync(join(folder, 'state')).length > 0
  } catch {
    return false
  }
}

for (const [words, code, pattern] of [
  [['--help'], 0, /Usage: ethos agent/],
  [['--version'], 0, /development on node/],
  [['--once', '--for', '1s'], 0, /cpuRefCoresMean/],
  [['--watch', '--for', '2s'], 0, /user.*\n\d\d:\d\d:\d\d .*\n\d\d:\d\d:\d\d .*\n$/],
  [['--watch', '--for', '1s', '--print', 'json'], 0, /^\{"at":.*"absent":.*\}\n$/],
  [['--once', '--watch'], 2, /Either --once or --watch/],
  [['doctor'], 0, /absent in the vector, never zero/],
  [['--onec'], 2, /is not usable/],
  [['--config', '/none.conf'], 2, /There is no such file/],
] as const) {
  test(`ethos agent ${words.join(' ')} ends with ${code}`, async () => {
    const agent = spawn(process.execPath, [entry, ...words])
    let said = ''
    for (const stream of [agent.stdout, agent.stderr])
      stream.on('data', (bytes: Buffer) => void (said += bytes.toString()))
    assert.equal(await new Promise((resolve) => agent.once('close', resolve)), code)
    assert.match(said, pattern)
    assert.doesNotMatch(said, /\n {4}at /)
  })
}

test('an agent that is watched ends on a signal with 0, and quietly when nobody reads any more', async () => {
  const watched = spawn(process.execPath, [entry, '--watch'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => watched.stdout.once('data', resolve))
  watched.kill('SIGINT')
  assert.equal(await new Promise((resolve) => watched.once('close', resolve)), 0)

  const unheard = spawn(process.execPath, [entry, '--watch'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  unheard.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  unheard.stdout.once('data', () => unheard.stdout.destroy())
  assert.equal(await new Promise((resolve) => unheard.once('close', resolve)), 0)
  assert.equal(said, '')
})
