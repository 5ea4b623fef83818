/** A demo that was ended and is started again with the same folder goes on where it stopped. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readMark, writeMark } from './mark.ts'
import { type Move, PATIENCE_MS, TestBench } from './builders.ts'

interface LedgerMove {
  readonly id: string
}

test('a demo that is ended amid a move goes on with the same hosts, VMs, moves and tokens, and each VM where it was', {
  timeout: PATIENCE_MS,
}, async (t) => {
  const data = aFolder(t)
  const first = await TestBench.begin(t, { data })
  const { firstToken: token = '' } = first.demo.server
  const open = await first.until('a move under way', async () => (await first.moves())?.open.at(0))
  await first.demo.close()

  const second = await TestBench.begin(t, { data, token })
  assert.ok(second.demo.clock.pace.from > first.demo.clock.pace.from, 'the site’s time goes on')
  assert.equal(second.demo.server.firstToken, undefined)
  const ended = await second.until(`the end of ${open.id}`, () => endOf(second, open.id))
  const done = await second.until('a move that is done', async () =>
    (await second.moves())?.ended.find(({ state }) => state === 'done'),
  )
  await second.demo.close()

  const third = await TestBench.begin(t, { data, token })
  const hosts = await third.hostsOfVms()
  assert.equal(hosts.size, 140)
  assert.equal(hosts.get(done.vm), done.to)
  // A move that was cut off is told to have come to nothing, and its VM has stayed; or the engine ordered it anew.
  assert.ok([ended.from, ended.to].includes(hosts.get(ended.vm) ?? ''))
  assert.deepEqual(await third.until('its end', () => endOf(third, open.id)), ended)
  assert.equal((await third.until('its end', () => endOf(third, done.id))).state, 'done')
  await third.until('both moves in the ledger', async () => {
    const { moves } = await third.ask<{ moves: readonly LedgerMove[] }>('/v1/ledger/moves')
    return [open, done].every((move) => moves.filter(({ id }) => id === move.id).length === 1) ? true : undefined
  })
})

test('a demo that was killed while it told its past tells it again, and nobody is told twice', {
  timeout: PATIENCE_MS,
}, async (t) => {
  const data = aFolder(t)
  const first = await TestBench.begin(t, { data })
  const { firstToken: token = '' } = first.demo.server
  await first.demo.close()
  const mark = readMark(data)
  assert.ok(mark?.isTold)
  writeMark(data, { ...mark, isTold: false })

  const second = await TestBench.begin(t, { data, token })
  assert.equal((await second.hostsOfVms()).size, 140)
  assert.equal(readMark(data)?.isTold, true)
  const { agents } = await second.ask<{ agents: readonly { vm: string; quarantine?: unknown }[] }>(
    '/v1/agents?limit=500',
  )
  assert.ok(agents.length > 100)
  assert.deepEqual(
    agents.filter(({ quarantine }) => quarantine !== undefined),
    [],
  )
})

async function endOf(bench: TestBench, id: string): Promise<Move | undefined> {
  return (await bench.moves())?.ended.find((move) => move.id === id)
}

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-resumed-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
