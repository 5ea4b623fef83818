import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Api } from './api.ts'
import { askWord, consequenceText, POSTPONE_MS, reasonOf, standsText, WORDS } from './plan-ask.ts'

const about = { id: 'ethos-8/2', vm: '<img onerror=x>', from: 'kvm-1', to: 'kvm-2' }
const answer = { reason: ' its batch\nruns ', until: 1_800_000.4 }

function listening(): { readonly api: Api; readonly asked: string[] } {
  const asked: string[] = []
  const api = new Api((path, { method, body }) => {
    asked.push(`${method} ${path} ${typeof body === 'string' ? body : ''}`.trim())
    return Promise.resolve(new Response('{"text": "Done."}', { headers: { 'content-type': 'application/json' } }))
  })
  return { api, asked }
}

test('each word asks the route of its own, with names from outside encoded', async () => {
  const { api, asked } = listening()
  for (const word of WORDS) await askWord(api, word, { ...about, said: 'postponed' }, answer)
  await askWord(api, 'take-back', { ...about, said: 'rejected' }, answer)
  assert.deepEqual(asked, [
    'POST /v1/proposals/ethos-8%2F2/approval',
    'POST /v1/proposals/ethos-8%2F2/rejection {"reason":"its batch runs"}',
    'POST /v1/proposals/ethos-8%2F2/postponement {"until":1800000,"reason":"its batch runs"}',
    'DELETE /v1/vms/%3Cimg%20onerror%3Dx%3E/migration',
    'DELETE /v1/proposals/ethos-8%2F2/postponement',
    'DELETE /v1/proposals/ethos-8%2F2/rejection',
  ])
})

test('a postponement without a reason names none', async () => {
  const { api, asked } = listening()
  await askWord(api, 'postpone', about, { reason: '  ', until: 5 })
  assert.deepEqual(asked, ['POST /v1/proposals/ethos-8%2F2/postponement {"until":5}'])
})

test('a reason is one line of at most 200 characters, without control characters', () => {
  assert.equal(reasonOf('a\u0000\u001bb\n c '), 'a b  c')
  assert.equal(reasonOf('x'.repeat(500)).length, 200)
})

test('before a VM moves it is told what that takes', () => {
  const estimate = { copiedBytes: 3 * 2 ** 30, durationMs: 25_000, downtimeMs: 80 }
  assert.match(
    consequenceText('approve', { ...about, vm: 'web-1', estimate }, 0),
    /web-1 moves from kvm-1 to kvm-2\. It copies about 3 GiB in 25 s, and the VM pauses for about 80 ms\.$/,
  )
  for (const word of WORDS) assert.match(consequenceText(word, about, 0), /\.$/)
})

test('no postponement is longer than the server takes', () => {
  for (const ms of POSTPONE_MS) assert.ok(ms < 7 * 86_400_000)
})

test('where somebody else was first it is told who, until when and why', () => {
  assert.equal(
    standsText({ what: 'postponed', who: 'bert', until: 0, because: 'wait for lunch' }),
    'It was postponed by bert, until 1970-01-01 00:00 UTC: wait for lunch',
  )
  assert.equal(
    standsText({ state: 'accepted', vm: 'web-1', from: 'kvm-1', to: 'kvm-2' }),
    'web-1 from kvm-1 to kvm-2: accepted.',
  )
  for (const nothing of [undefined, null, 7, 'x', [], {}]) assert.equal(standsText(nothing), undefined)
})
