import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SECOND_MS } from '../../terms/units.ts'
import { PHASE_MODEL_BYTES_MAX } from '../profile/phases.ts'
import { type Fetched, PhaseFetch, PIECE_CHARACTERS, type Piece, pieceOf } from './phase-pieces.ts'

const MODEL = { version: 2, text: 'x'.repeat(2 * PIECE_CHARACTERS + 7) }

function asked(question: string | undefined): Pick<Piece, 'version' | 'index'> {
  const { phases } = JSON.parse(question ?? '{}') as { phases: [number, number] }
  return { version: phases[0], index: phases[1] }
}

/** Asks a host for all of a model, one piece a second. */
function fetchAll(
  fetch: PhaseFetch,
  host: (wanted: Pick<Piece, 'version' | 'index'>, ask: number) => Piece | undefined,
): Fetched | undefined {
  let asks = 0
  for (let nowMs = 0; nowMs < 1000 * SECOND_MS; nowMs += SECOND_MS) {
    const failure = fetch.failure(nowMs)
    if (failure !== undefined) return { kind: 'failed', reason: failure }
    const question = fetch.speak(nowMs)
    const piece = question === undefined ? undefined : host(asked(question), asks++)
    const fetched = piece && fetch.hear(piece)
    if (fetched !== undefined) return fetched
  }
  return undefined
}

test('a model is asked for piece by piece, and is whole at the end', () => {
  assert.deepEqual(
    fetchAll(new PhaseFetch(2), (wanted) => pieceOf(MODEL, wanted)),
    { kind: 'whole', text: MODEL.text },
  )
})

test('the largest model comes through, in lines that both ends take', () => {
  const text = '"'.repeat(PHASE_MODEL_BYTES_MAX)
  let longest = 0
  const fetched = fetchAll(new PhaseFetch(999), (wanted) => {
    const piece = pieceOf({ version: 999, text }, wanted)
    const { version, index, count } = piece
    longest = Math.max(longest, JSON.stringify({ part: [version, index, count, piece.text] }).length)
    return piece
  })
  assert.deepEqual(fetched, { kind: 'whole', text })
  assert.ok(longest < 1024, `${longest}`)
})

test('what is lost on its way is asked for again; a host that never answers is given up', () => {
  const fetched = fetchAll(new PhaseFetch(2), (wanted, ask) => (ask % 3 === 2 ? pieceOf(MODEL, wanted) : undefined))
  assert.equal(fetched?.kind, 'whole')
  let asks = 0
  const silent = fetchAll(new PhaseFetch(2), () => void asks++)
  assert.deepEqual([silent?.kind, asks], ['failed', 5])
})

test('a model that was replaced in the middle is not mixed with its successor', () => {
  const other = { version: 3, text: 'y'.repeat(MODEL.text.length) }
  const fetched = fetchAll(new PhaseFetch(2), (wanted, ask) => pieceOf(ask < 1 ? MODEL : other, wanted))
  assert.deepEqual(fetched, { kind: 'failed', reason: 'the host has no phase model 2 any more' })
})

test('pieces that were not asked for are passed over, and pieces that can not be are the end of it', () => {
  const fetch = new PhaseFetch(2)
  const good = pieceOf(MODEL, { version: 2, index: 0 })
  assert.equal(fetch.hear(good), undefined)
  fetch.speak(0)
  for (const wrong of [{ version: 3 }, { index: 1 }, { index: 1e9 }])
    assert.equal(fetch.hear({ ...good, ...wrong }), undefined)
  for (const wrong of [{ count: 1e9 }, { count: 42 }, { text: '' }, { text: 'x'.repeat(401) }]) {
    const another = new PhaseFetch(2)
    another.speak(0)
    assert.equal(another.hear({ ...good, ...wrong })?.kind, 'failed', JSON.stringify(wrong))
  }
  fetch.hear(good)
  fetch.speak(0)
  assert.equal(fetch.hear({ ...good, index: 1, count: 4 })?.kind, 'failed')
})

test('a host is asked for no piece that is not there', () => {
  assert.equal(pieceOf(MODEL, { version: 2, index: 3 }).count, 0)
  assert.equal(pieceOf(MODEL, { version: 2, index: Number.MAX_SAFE_INTEGER }).count, 0)
  assert.equal(pieceOf(MODEL, { version: 1, index: 0 }).count, 0)
})
