import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from './machine.ts'
import { nodeMachine } from './node-machine.ts'
import { notify } from './notify.ts'

/** A machine whose programs are only written down. */
function told(socket: string | undefined): { readonly machine: Machine; readonly calls: string[] } {
  const calls: string[] = []
  const machine = nodeMachine()
  const run = (program: string, words: readonly string[]) => {
    calls.push([program, ...words].join(' '))
    return Promise.resolve({ status: 0, stdout: '', stderr: '' })
  }
  return { calls, machine: { ...machine, run, self: { ...machine.self, pid: 7, environment: () => socket } } }
}

test('systemd is told in its own words, if it asked', async () => {
  const { machine, calls } = told('/run/systemd/notify')
  for (const notice of ['ready', 'alive', 'reloading', 'stopping'] as const) assert.ok(await notify(machine, notice))
  const words = ['READY=1', 'WATCHDOG=1', 'RELOADING=1', 'STOPPING=1']
  assert.deepEqual(
    calls,
    words.map((word) => `systemd-notify --pid=7 ${word}`),
  )
})

test('where nobody asked, nothing is run', async () => {
  const { machine, calls } = told(undefined)
  assert.equal(await notify(machine, 'ready'), false)
  assert.deepEqual(calls, [])
})
