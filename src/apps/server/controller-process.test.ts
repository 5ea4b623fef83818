import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../tools/server/live-site.ts'
import { ControllerProcess } from './controller-process.ts'
import { MovesBoard } from './moves-board.ts'

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

test('a controller that does not heed a pause is ended before it can begin anything, and the pause is answered', async (context) => {
  const ends: string[] = []
  const told: string[] = []
  const controller = new ControllerProcess({
    store: { journal: {}, leases: {} } as never,
    place: { data: '/nowhere' },
    everyMs: 60_000,
    holder: 'test',
    leaseMs: 60_000,
    backoffMs: 20,
    entry: new URL('../../../tools/server/deaf-controller.ts', import.meta.url),
    onMessage: ({ kind }) => told.push(kind),
    onEnd: (why) => ends.push(why),
  })
  context.after(() => controller.close())
  const board = new MovesBoard({
    ask: (ask, waitMs) => controller.ask(ask, waitMs),
    kill: () => controller.kill(),
    publish: () => undefined,
  })
  controller.start()
  await until('it lives', () => told.length > 0)
  const { pid } = controller
  await board.heed()
  await until('it was ended', () => ends.length > 0)
  assert.match(ends[0], /It ended with SIGKILL/)
  await until('another was started', () => controller.pid !== undefined && controller.pid !== pid)
})
