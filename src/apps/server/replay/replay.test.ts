/** What turns were judged on, kept and judged once more: reliability test 34. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { zstdCompressSync } from 'node:zlib'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { aBench } from '../../../../tools/server/desk-bench.ts'
import type { DeskBench } from '../../../../tools/server/desk-site.ts'
import { ParseError } from '../../../terms/parse.ts'
import { HOUR_MS, MiB } from '../../../terms/units.ts'
import { TurnTaker } from '../turn-taker.ts'
import { isHeader, readTurns, type TurnFileHeader } from './read-turns.ts'
import { Replay } from './replay-files.ts'
import { decodeRecordedTurn, encodeRecordedTurn, type RecordedTurn, replayTurn } from './turn-inputs.ts'
import { TurnRecorder } from './turn-recorder.ts'

interface Kept {
  readonly folder: string
  readonly recorder: TurnRecorder
  readonly said: string[]
  readonly turns: () => Promise<readonly RecordedTurn[]>
}

function keeping(context: TestContext, bytesMax = 64 * MiB): Kept {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-turns-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const said: string[] = []
  const recorder = new TurnRecorder({ folder, bytesMax, version: '0.0.1', say: (text) => void said.push(text) })
  context.after(() => recorder.close())
  return { folder, recorder, said, turns: () => turnsIn(folder) }
}

async function turnsIn(folder: string): Promise<readonly RecordedTurn[]> {
  const turns: RecordedTurn[] = []
  for (const name of readdirSync(folder).toSorted())
    for await (const one of readTurns(join(folder, name))) if (!isHeader(one)) turns.push(one)
  return turns
}

async function linesOf(bench: DeskBench): Promise<readonly string[]> {
  const lines = (await bench.store.journal.last(10_000)).map(({ line }) => line)
  return lines.filter((line) => line.startsWith('{"kind":"turn"'))
}

test('each turn is judged once more to the same line, byte for byte: orders, rest, an evacuation, a clock that is set, a start', async (context) => {
  const { recorder, turns } = keeping(context)
  const bench = await aBench('full', undefined, recorder)
  for (let turn = 0; turn < 12; turn++) {
    await bench.step()
    await bench.arrive()
  }
  const [leaving] = bench.site.hosts
  await bench.set('maintenance', { [leaving.id]: { who: 'ann', at: bench.now, reason: 'new memory' } })
  for (let turn = 0; turn < 6; turn++) {
    await bench.step()
    await bench.arrive()
  }
  await bench.setForward(HOUR_MS)
  for (let turn = 0; turn < 3; turn++) await bench.step()
  bench.desk.close()
  await bench.newDesk().open()
  for (let turn = 0; turn < 6; turn++) await bench.step()
  await recorder.close()

  const kept = await turns()
  const lines = await linesOf(bench)
  assert.ok(bench.driver.calls.length > 0)
  assert.ok(
    kept.some(({ inputs }) => inputs.emptying !== undefined),
    'a turn ordered an evacuation',
  )
  assert.deepEqual(
    kept.map(({ line }) => line),
    lines.slice(-kept.length),
  )
  assert.equal(kept.length, 28)
  for (const { inputs, line } of kept) assert.equal(replayTurn(inputs), line)
  // It is the inputs that give the line, not the record: with another load it is another.
  const moved = kept.find(({ line }) => line.includes('move-ordered'))
  assert.ok(moved)
  const { observation } = moved.inputs
  const idle = { ...observation.samples.columns, cpu: new Float32Array(observation.inventory.vms.length) }
  const samples = { ...observation.samples, columns: idle }
  assert.notEqual(replayTurn({ ...moved.inputs, observation: { ...observation, samples } }), moved.line)
})

test('what came out otherwise is told by its turn and its first field, and the journal by how much of it was kept', async (context) => {
  const { recorder, folder } = keeping(context)
  const bench = await aBench('partial', undefined, recorder)
  for (let turn = 0; turn < 8; turn++) await bench.step()
  await recorder.close()
  const other = mkdtempSync(join(tmpdir(), 'ethos-turns-'))
  context.after(() => rmSync(other, { recursive: true }))
  // As another version would have it: the same inputs, a line with another reason.
  const changed = new TurnRecorder({ folder: other, bytesMax: MiB, version: '0.0.0', say: () => undefined })
  for (const turn of await turnsIn(folder))
    await changed.keep({ ...turn, line: turn.line.replaceAll('"reason":"', '"reason":"Otherwise ') })
  await changed.close()
  const good = new Replay()
  for (const name of readdirSync(folder)) await good.file(join(folder, name))
  const report = good.report(await good.against(bench.store.journal))
  assert.deepEqual([report.turns, report.same, report.differences], [9, 9, []])
  assert.deepEqual(report.journal, { recorded: 9, otherwise: 0, withoutInputs: 0, notRecorded: 0 })
  const bad = new Replay()
  for (const name of readdirSync(other)) await bad.file(join(other, name))
  const { turns, same, differences } = bad.report()
  assert.equal(turns - same, differences.length)
  assert.ok(differences.length > 0)
  assert.match(differences[0].field, /reason$/)
  assert.match(differences[0].recorded, /^Otherwise /)
  assert.equal(`Otherwise ${differences[0].replayed}`.slice(0, 100), differences[0].recorded.slice(0, 100))
  // As they stand in the journal they are others than those that were kept, and that is a difference as well.
  const journal = await bad.against(bench.store.journal)
  assert.deepEqual(journal, { recorded: same, otherwise: turns - same, withoutInputs: 0, notRecorded: 0 })
  assert.equal(
    bad.report(journal).differences.filter(({ field }) => field === 'the journal’s line').length,
    turns - same,
  )
})

test('a file that is still written, or whose writer was killed, is read as far as it goes', async (context) => {
  const { recorder, folder, turns } = keeping(context)
  const bench = await aBench('partial', undefined, recorder)
  for (let turn = 0; turn < 3; turn++) await bench.step()
  assert.equal((await turns()).length, 4)
  const [name] = readdirSync(folder)
  const bytes = readFileSync(join(folder, name))
  assert.equal(statSync(join(folder, name)).mode & 0o077, 0)
  writeFileSync(join(folder, name), bytes.subarray(0, bytes.length - 20))
  assert.equal((await turns()).length, 3)
})

test('files are within the room that they have, and the oldest go first', async (context) => {
  const { recorder, folder } = keeping(context, 64 * 1024)
  const bench = await aBench('partial', undefined, recorder)
  for (let turn = 0; turn < 60; turn++) await bench.step()
  await recorder.close()
  const names = readdirSync(folder).toSorted()
  const sizes = names.map((name) => statSync(join(folder, name)).size)
  assert.ok(names.length > 1)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  assert.ok(total <= 64 * 1024 * 1.25, `${total} bytes`)
  const last = (await turnsIn(folder)).at(-1)
  assert.equal(last?.line, (await linesOf(bench)).at(-1))
})

test('what is damaged or no file of turns is said to be', async (context) => {
  const { recorder, folder } = keeping(context)
  const bench = await aBench('partial', undefined, recorder)
  for (let turn = 0; turn < 3; turn++) await bench.step()
  await recorder.close()
  const path = join(folder, readdirSync(folder)[0])
  const read = async (): Promise<readonly (TurnFileHeader | RecordedTurn)[]> => {
    const all: (TurnFileHeader | RecordedTurn)[] = []
    for await (const one of readTurns(path)) all.push(one)
    return all
  }
  const good = readFileSync(path)
  for (const at of [40, Math.floor(good.length / 2), good.length - 100]) {
    const bad = Buffer.from(good)
    bad[at] ^= 0xff
    writeFileSync(path, bad)
    await assert.rejects(read, ParseError, `byte ${at}`)
  }
  writeFileSync(path, 'rubbish, and more of it than a frame has')
  await assert.rejects(read, ParseError)
  writeFileSync(path, '')
  assert.deepEqual(await read(), [])
  appendFileSync(path, good)
  assert.equal((await read()).length, 5)
})

test('bytes of others are damage, and no proof of anything', async (context) => {
  const { folder } = keeping(context)
  const path = join(folder, 'turns-20261128T000000Z-1.zst')
  writeFileSync(path, zstdCompressSync(Buffer.from('abc')))
  const replay = new Replay()
  await replay.file(path)
  assert.match(replay.report().files[0].damage ?? '', /Bytes are left over at its end/)
  assert.throws(() => decodeRecordedTurn(encodeRecordedTurn({ inputs: {}, line: 'no JSON' } as never)), ParseError)
})

test('a disk that fails leaves no file behind for each turn, and is tried again later and later', async (context) => {
  const { folder, said } = keeping(context)
  const bench = await aBench('partial')
  const turns: RecordedTurn[] = []
  bench.taker = new TurnTaker({
    store: bench.store,
    clock: bench.clock,
    everyMs: 300_000,
    token: () => bench.token,
    recorder: { keep: (turn) => Promise.resolve(void turns.push(turn)) },
  })
  await bench.step()
  const [turn] = turns
  // No file may be made in it: as root nothing but its being none is refused.
  rmSync(folder, { recursive: true })
  writeFileSync(folder, '')
  const recorder = new TurnRecorder({ folder, bytesMax: MiB, version: '0.0.1', say: (text) => void said.push(text) })
  for (let k = 0; k < 200; k++) await recorder.keep(turn)
  assert.equal(said.length, 1)
  rmSync(folder)
  // After at most as many turns as it rests it goes on.
  for (let k = 0; k < 61; k++) await recorder.keep(turn)
  await recorder.close()
  assert.equal(readdirSync(folder).length, 1)
})

test('a folder that takes nothing costs no turn, and is told of once', async (context) => {
  const { recorder, folder, said } = keeping(context)
  writeFileSync(join(folder, 'file'), '')
  const stuck = new TurnRecorder({
    folder: join(folder, 'file'),
    bytesMax: MiB,
    version: '0.0.1',
    say: (text) => void said.push(text),
  })
  await recorder.close()
  const bench = await aBench('partial', undefined, stuck)
  for (let turn = 0; turn < 4; turn++) await bench.step()
  assert.equal((await linesOf(bench)).length, 5)
  assert.equal(said.length, 1)
  assert.match(said[0], /not kept: .*(ENOTDIR|EEXIST)/)
})
