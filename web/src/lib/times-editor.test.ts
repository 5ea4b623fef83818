import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MoveTimesView } from '../../../src/apps/server/views/moves.ts'
import { compileRunes } from '../../../tools/web/runes.ts'
import { SlowServer } from '../../../tools/web/slow-server.ts'
import { Api } from './api.ts'

compileRunes()
const { TimesEditor } = await import('./times-editor.svelte.ts')

const HOUR_MS = 3_600_000

function aView(version: number, timeZone = 'UTC'): MoveTimesView {
  return { version, timeZone, windows: [], blackouts: [{ from: 0, to: HOUR_MS }] }
}

function anEditor() {
  const server = new SlowServer()
  return { server, editor: new TimesEditor(new Api(server.fetch), aView(1)) }
}

test('an emptied field is told and not sent: what stood before is not sent in its place', async () => {
  const { server, editor } = anEditor()
  editor.setBlackout(0, { from: '' })
  assert.deepEqual([editor.problems, editor.wish], [['Blackout 1 needs a beginning and an end.'], undefined])
  await editor.save()
  assert.equal(server.asked.length, 0)
  editor.setBlackout(0, { from: '1970-01-01T00:30' })
  assert.deepEqual(editor.wish?.moveTimes.blackouts, [{ from: HOUR_MS / 2, to: HOUR_MS }])
})

test('what is written while it is saved is the next change, and is not lost', async () => {
  const { server, editor } = anEditor()
  editor.edit({ timeZone: 'Europe/Berlin' })
  const saving = editor.save()
  assert.deepEqual(server.last.body, {
    replaces: 1,
    timeZone: 'Europe/Berlin',
    windows: [],
    blackouts: [{ from: 0, to: HOUR_MS }],
  })
  editor.edit({ timeZone: 'Europe/Paris' })
  editor.discard()
  await server.last.answer(aView(2, 'Europe/Berlin'))
  await saving
  assert.deepEqual([editor.base.version, editor.draft.timeZone, editor.isChanged], [2, 'Europe/Paris', true])
  assert.equal(editor.isOvertaken, false)
})

test('what is saved stands, and an older answer on its way does not take it back', async () => {
  const { server, editor } = anEditor()
  editor.edit({ timeZone: 'Europe/Berlin' })
  const saving = editor.save()
  await server.last.answer(aView(2, 'Europe/Berlin'))
  await saving
  editor.hear(aView(1))
  assert.deepEqual([editor.base.version, editor.isChanged, editor.done], [2, false, 'Version 2 stands from now on.'])
})

test('what somebody else set is taken over while nothing is edited, and told while something is', () => {
  const { editor } = anEditor()
  editor.hear(aView(2, 'Asia/Tokyo'))
  assert.deepEqual([editor.base.version, editor.draft.timeZone], [2, 'Asia/Tokyo'])
  editor.toggleDay(0, 'mon')
  editor.addBlackout(HOUR_MS + 1)
  assert.deepEqual(editor.draft.blackouts[1], { from: '1970-01-01T02:00', to: '1970-01-02T02:00', reason: '' })
  editor.hear(aView(3))
  assert.deepEqual([editor.isOvertaken, editor.base.version, editor.draft.timeZone], [true, 2, 'Asia/Tokyo'])
  editor.goOn()
  assert.deepEqual([editor.isOvertaken, editor.base.version, editor.isChanged], [false, 3, true])
})

test('a day of a window is set and taken back, in the order of the week', () => {
  const { editor } = anEditor()
  editor.edit({ windows: [{ days: ['wed'], from: '22:00', to: '05:00' }] })
  editor.toggleDay(0, 'mon')
  assert.deepEqual(editor.draft.windows[0]?.days, ['mon', 'wed'])
  editor.toggleDay(0, 'wed')
  assert.deepEqual(editor.draft.windows[0]?.days, ['mon'])
})
