import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { SITE_POLICY } from '../../../src/terms/policy.ts'
import type { PolicyView } from '../../../src/apps/server/views/site.ts'
import { compileRunes } from '../../../tools/web/runes.ts'
import { SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'
import { readPolicy } from './policy-draft.ts'

compileRunes()
const { PolicyEditor } = await import('./policy-editor.svelte.ts')

const PATH = 'gates.movesPerTurnMax'
const CHECKED = { isGood: true, problems: [], conflicts: [] }

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
})

/** An editor over version 1, with a server that answers when it is told to. */
function anEditor() {
  const server = new SlowServer()
  const editor = new PolicyEditor(new Api(server.fetch))
  editor.hear(aView(1))
  return { server, editor }
}

function aView(version: number, changes: object = {}): PolicyView {
  return { version, policy: { ...SITE_POLICY, ...changes } }
}

/** What was sent stands: the server's answer to a save. */
function standing(version: number, body: unknown): PolicyView {
  return { version, policy: readPolicy((body as { policy: object }).policy) }
}

test('an answer about an older draft is not shown for the newer one', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  mock.timers.tick(400)
  const older = server.last
  editor.set(PATH, '4')
  await older.answer({ ...CHECKED, isGood: false, problems: [{ place: PATH, text: 'of 3' }] })
  assert.deepEqual(editor.check, undefined)
  mock.timers.tick(400)
  await server.last.answer(CHECKED)
  assert.deepEqual(editor.check, CHECKED)
  assert.equal(server.asked.length, 2)
})

test('an answer about a draft that was dropped is not shown', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  mock.timers.tick(400)
  editor.discard()
  await server.last.answer(CHECKED)
  assert.equal(editor.check, undefined)
})

test('the server is asked once, after the last key', () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  mock.timers.tick(399)
  editor.set(PATH, '30')
  mock.timers.tick(399)
  assert.equal(server.asked.length, 0)
  mock.timers.tick(1)
  assert.deepEqual(
    server.asked.map(({ path }) => path),
    ['/v1/policy/check'],
  )
})

test('what is saved stands, and nothing is left to save', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  assert.deepEqual([server.last.method, editor.isSaving], ['PUT', true])
  await server.last.answer(standing(2, server.last.body))
  await saving
  assert.deepEqual(
    [editor.base?.version, editor.isChanged, editor.done, editor.isSaving],
    [2, false, 'Version 2 stands from now on.', false],
  )
})

test('what is written while it is saved is the next change, and is not lost', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  editor.set(PATH, '4')
  editor.edit({ ...editor.draft!, name: 'mine' })
  // An event tells of the new version before the answer does.
  const saved = standing(2, server.asked[0]?.body)
  editor.hear(saved)
  await server.asked[0]?.answer(saved)
  await saving
  assert.deepEqual([editor.base?.version, editor.standing, editor.draft?.texts[PATH]], [2, undefined, '4'])
  assert.deepEqual(
    editor.changes.map(({ title, to }) => [title, to]),
    [
      ['Name', 'mine'],
      [editor.changes[1]?.title, '4'],
    ],
  )
})

test('while it is saved nothing is dropped under it', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  editor.discard()
  await server.last.answer(standing(2, server.last.body))
  await saving
  assert.equal(editor.base?.version, 2)
  assert.equal(editor.draft?.texts[PATH], '3')
})

test('what somebody else set after the save that was answered late is what stands', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  editor.hear(aView(3, { name: 'theirs' }))
  await server.last.answer(standing(2, server.last.body))
  await saving
  assert.deepEqual([editor.base?.version, editor.draft?.name, editor.standing], [3, 'theirs', undefined])
})

test('where somebody else was first their version stands beside the draft, and the draft goes on from it', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  const error = { code: 'conflict', message: '2 stands.' }
  await server.last.answer({ error, current: aView(2, { name: 'theirs' }) }, 409)
  await saving
  assert.deepEqual([editor.standing?.version, editor.draft?.texts[PATH]], [2, '3'])
  editor.goOn()
  assert.deepEqual(
    [editor.base?.version, editor.draft?.name, editor.draft?.texts[PATH], editor.standing],
    [2, 'theirs', '3', undefined],
  )
})

test('a refusal that tells of no version is a failure, and nothing stands beside the draft', async () => {
  const { server, editor } = anEditor()
  editor.set(PATH, '3')
  const saving = editor.save()
  await server.last.answer({ error: { code: 'conflict', message: 'Not now.' } }, 409)
  await saving
  assert.deepEqual([editor.standing, editor.failure?.message], [undefined, 'Not now.'])
})

test('what stands is taken over while nothing is edited, and kept beside while something is', () => {
  const { editor } = anEditor()
  editor.hear(aView(2, { name: 'second' }))
  assert.deepEqual([editor.base?.version, editor.draft?.name], [2, 'second'])
  editor.set(PATH, '3')
  editor.hear(aView(3))
  assert.deepEqual([editor.base?.version, editor.standing?.version], [2, 3])
  editor.discard()
  assert.deepEqual([editor.base?.version, editor.standing, editor.isChanged], [3, undefined, false])
})
