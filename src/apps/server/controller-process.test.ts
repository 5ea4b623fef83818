import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../tools/server/live-site.ts'
import { ControllerProcess } from './controller-process.ts'

test('a controller that could not be started is tried again until it can', async (context) => {
  const program = process.execPath
  const ends: string[] = []
  const kept = {
    append: () => assert.fail('nothing is written'),
    take: () => assert.fail('no lease is taken'),
    release: () => assert.fail('no lease is given back'),
  }
  const controller = new ControllerProcess({
    store: { journal: kept, leases: kept } as never,
    place: { data: '/nowhere' },
    everyMs: 1000,
    holder: 'test',
    leaseMs: 1000,
    backoffMs: 20,
    entry: new URL('../../../tools/server/sick-controller.ts', import.meta.url),
    onMessage: () => undefined,
    onEnd: (why) => ends.push(why),
  })
  context.after(async () => {
    process.execPath = program
    await controller.close()
  })
  // As while the program is replaced, or where the machine has no process to give.
  process.execPath = '/nowhere/node'
  controller.start()
  await until('it was tried three times', () => ends.length >= 3)
  for (const why of ends) assert.match(why, /It could not be started\. .*ENOENT/)
  assert.equal(controller.pid, undefined)
  process.execPath = program
  await until('it speaks', () => controller.ignoredMessages > 0)
  assert.ok(controller.pid !== undefined)
})
