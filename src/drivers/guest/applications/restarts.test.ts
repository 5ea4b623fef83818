/** Real servers that hang, are killed and come back while they are watched. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type RunningServer, serverFolder, skipWithout, startServer } from '../../../../tools/real-servers.ts'
import { nodeMachine } from '../node-machine.ts'
import { ApplicationsSampler } from './applications-sampler.ts'
import { DEFAULT_APPLICATIONS } from './settings.ts'

const skip = skipWithout('/usr/bin/redis-server', '/usr/bin/redis-cli')
const folder = serverFolder('redis')
const socketOf = (name: string): string => join(folder.path, `${name}.sock`)
const running = new Map<string, RunningServer>()
after(async () => {
  for (const server of running.values()) await server.stop()
  folder.remove()
})

const cli = (name: string, input: string) =>
  spawnSync('redis-cli', ['-s', socketOf(name)], { input, encoding: 'utf8', timeout: 5000 })

async function start(name: string): Promise<RunningServer> {
  rmSync(socketOf(name), { force: true })
  const words = ['--port', '0', '--unixsocket', socketOf(name), '--unixsocketperm', '777', '--dir', folder.path]
  const isReady = (): boolean => cli(name, 'PING\n').stdout.includes('PONG')
  const server = await startServer('redis', '/usr/bin/redis-server', [...words, '--save', ''], isReady)
  running.set(name, server)
  return server
}

const machine = nodeMachine()
/** GETs that each living server is asked between two looks. */
const ASKED = 200

interface Told {
  readonly requestsPerSec: number | undefined
  readonly names: readonly string[]
}

/** Looks after some work for the servers named, a second and more after the look before. */
async function look(sampler: ApplicationsSampler, living: readonly string[]): Promise<Told> {
  for (const name of living) assert.match(cli(name, 'GET it\n'.repeat(ASKED)).stdout, /\n/)
  await pause(1100)
  let requestsPerSec: number | undefined
  const names: string[] = []
  const looked = sampler.sample(
    { at: 0, monotonicMs: machine.monotonicMs(), wantsDetails: true },
    {
      put: (measure, value) => {
        if (measure === 'applicationRequestsPerSec' && Number.isFinite(value)) requestsPerSec = value
        if (Number.isFinite(value)) assert.ok(value >= 0, `${measure} is ${value}`)
      },
      detail: ({ name, value }) => {
        names.push(name)
        if (typeof value === 'number') assert.ok(value >= 0, `${name} is ${value}`)
      },
    },
  )
  // A look waits for nobody: it has no promise that could.
  assert.equal(looked, undefined)
  // Two servers, each asked in 1.1 s and more; an answer that was late has two turns in it, and their time.
  assert.ok(requestsPerSec === undefined || requestsPerSec <= 4 * ASKED, String(requestsPerSec))
  return { requestsPerSec, names }
}

/** Looks until something holds; fails after so many looks that it never will. */
async function until(
  sampler: ApplicationsSampler,
  living: readonly string[],
  holds: (told: Told) => boolean | Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < 60; i++) if (await holds(await look(sampler, living))) return
  assert.fail('it never came to that')
}

const isTold = (name: string) => (told: Told) => told.names.includes(`Redis ${name}: requests`)

test('one server hangs, is killed, and comes back: the other is told all the time, and no rate is negative or too high', {
  skip,
}, async () => {
  const hanging = await start('one')
  await start('two')
  const redis = ['one', 'two'].map((name) => ({ name, address: { path: socketOf(name) } }))
  const sampler = new ApplicationsSampler(machine, { ...DEFAULT_APPLICATIONS, discover: false, everyMs: 1000, redis })
  await until(sampler, ['one', 'two'], (told) => isTold('one')(told) && isTold('two')(told))

  process.kill(hanging.pid, 'SIGSTOP')
  const stateOf = async (): Promise<string> => {
    const [one, two] = await sampler.findings()
    assert.equal(two?.state, 'seen')
    return one?.because ?? ''
  }
  await until(sampler, ['two'], async () => /no whole answer within 10000 ms/.test(await stateOf()))
  await until(sampler, ['two'], (told) => !isTold('one')(told) && isTold('two')(told))

  process.kill(hanging.pid, 'SIGKILL')
  await hanging.stop()
  await start('one')
  await until(sampler, ['one', 'two'], (told) => isTold('one')(told) && isTold('two')(told))
  await sampler.close()
})
