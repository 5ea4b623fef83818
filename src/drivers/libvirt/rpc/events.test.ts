import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aFake } from './builders.ts'
import { EVENT_KINDS } from './events.ts'
import { encodeMessage } from './frame.ts'
import { REMOTE_PROGRAM } from './limits.ts'
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'

const VM = { name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 }
const OTHER = { name: 'other', uuid: '00000000-0000-0000-0000-000000000001', id: 2 }

test('events come to those that asked, for the domain they asked for, until they end it', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const seen: string[] = []
  const all = await libvirt.onLifecycle(({ domain, event, detail }) =>
    seen.push(`all ${domain.name} ${event}/${detail}`),
  )
  await libvirt.onLifecycle(({ domain }) => seen.push(`one ${domain.name}`), VM)
  const told = async (): Promise<string[]> => {
    // What was sent before an answer has come before it.
    await libvirt.hostname()
    return seen.splice(0)
  }
  server.emit(EVENT_KINDS.lifecycle, { domain: OTHER, event: 4, detail: 1 })
  server.emit(EVENT_KINDS.lifecycle, { domain: VM, event: 3, detail: 0 })
  assert.deepEqual(await told(), ['all other 4/1', 'all test 3/0', 'one test'])
  await all.close()
  await all.close()
  server.emit(EVENT_KINDS.lifecycle, { domain: VM, event: 5, detail: 3 })
  assert.deepEqual(await told(), ['one test'])
  const ended = server.calls.filter(({ procedure }) => procedure.includes('DEREGISTER'))
  assert.equal(ended.length, 1)
})

test("a migration's rounds and its end come with their figures", async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const seen: unknown[] = []
  await libvirt.onMigrationIteration((event) => seen.push(event))
  await libvirt.onJobCompleted((event) => seen.push(event), VM)
  const parameters = [
    { field: 'operation', value: 5 },
    { field: 'downtime', value: 96n },
    { field: 'success', value: true },
    { field: 'errmsg', value: 'none' },
  ]
  server.emit(EVENT_KINDS.migrationIteration, { domain: VM, iteration: 3 })
  server.emit(EVENT_KINDS.jobCompleted, { domain: VM, parameters })
  await libvirt.hostname()
  assert.deepEqual(seen, [
    { domain: VM, iteration: 3 },
    { domain: VM, parameters },
  ])
})

test('an event that is faster than the answer to its registration is not lost', async (context) => {
  const { server, open } = await aFake(context)
  const libvirt = await open()
  const { procedure, codec } = EVENT_KINDS.migrationIteration
  server.on(DOMAIN_PROCEDURES.registerEvent, () => {
    const header = { program: REMOTE_PROGRAM, version: 1, procedure, type: 2, serial: 0, status: 0 }
    for (const callback of [41, 42]) {
      const bytes = encodeMessage(header, (writer) => {
        writer.int(callback)
        codec.write(writer, { domain: VM, iteration: callback })
      })
      server.sendRaw(bytes)
    }
    return 42
  })
  const seen: number[] = []
  await libvirt.onMigrationIteration(({ iteration }) => seen.push(iteration))
  assert.deepEqual(seen, [42])
})

test('what a handler throws is told, and the connection lives', async (context) => {
  const { server, open } = await aFake(context)
  const told: unknown[] = []
  const libvirt = await open({ onHandlerError: (error) => told.push(error) })
  await libvirt.onLifecycle(() => {
    throw new Error('mine')
  })
  server.emit(EVENT_KINDS.lifecycle, { domain: VM, event: 3, detail: 0 })
  assert.equal(await libvirt.hostname(), 'fake-1')
  assert.deepEqual(told, [new Error('mine')])
})
