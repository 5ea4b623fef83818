import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { compileRunes } from '../../../tools/web/runes.ts'
import { settled, SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

compileRunes()
const { PreviewRun } = await import('./preview-run.svelte.ts')

const WISH = { policy: { name: 'a' } }
const LOOK_MS = 700

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
})

function aRun() {
  const server = new SlowServer()
  return { server, run: new PreviewRun(new Api(server.fetch)) }
}

test('it is asked for once and looked at until it is over', async () => {
  const { server, run } = aRun()
  void run.start(WISH)
  assert.deepEqual([server.last.method, server.last.body, run.isRunning], ['POST', WISH, true])
  await server.last.answer({ id: 'p 1', state: 'running', progress: 0.5 })
  assert.equal(run.view?.progress, 0.5)
  mock.timers.tick(LOOK_MS)
  await settled()
  assert.equal(server.last.path, '/v1/policy/previews/p%201')
  await server.last.answer({ id: 'p 1', state: 'done', progress: 1 })
  assert.deepEqual([run.isRunning, run.isOverFor(WISH), run.isOverFor({ policy: { name: 'b' } })], [false, true, false])
  mock.timers.tick(600_000)
  await settled()
  assert.equal(server.asked.length, 2)
})

test('one that failed is over, and says why', async () => {
  const { server, run } = aRun()
  void run.start(WISH)
  await server.last.answer({ error: { code: 'busy', message: 'One runs already.' } }, 409)
  assert.deepEqual([run.failure?.message, run.isRunning, run.isOverFor(WISH)], ['One runs already.', false, true])
})

test('a newer change takes its place: what comes of the older is not shown', async () => {
  const { server, run } = aRun()
  void run.start(WISH)
  const [older] = server.asked
  void run.start({ policy: { name: 'b' } })
  await older?.answer({ id: 'old', state: 'done', progress: 1 })
  assert.deepEqual([run.view, run.failure, run.isRunning], [undefined, undefined, true])
  await server.last.answer({ id: 'new', state: 'done', progress: 1 })
  assert.equal(run.view?.id, 'new')
})

test('once nobody looks it is not asked for any more', async () => {
  const { server, run } = aRun()
  void run.start(WISH)
  await server.last.answer({ id: 'p', state: 'running', progress: 0 })
  run.end()
  mock.timers.tick(LOOK_MS)
  await settled()
  assert.deepEqual([server.asked.length, run.isRunning, run.about], [1, false, ''])
})
