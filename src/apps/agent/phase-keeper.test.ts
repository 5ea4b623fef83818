import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeDisk } from '../../drivers/guest/fake-disk.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { encodePhaseModel, PHASE_MODEL_BYTES_MAX, type PhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { Log } from './log.ts'
import { keptPhases, PhaseKeeper } from './phase-keeper.ts'

const PATH = '/state/phases'
const modelOf = (version: number): PhaseModel => ({ ...PHASES_1, version })
const textOf = (version: number): string => encodePhaseModel(modelOf(version))

function aKeeper(disk = new FakeDisk()) {
  const real = nodeMachine()
  const said: string[] = []
  const machine: Machine = {
    ...real,
    readText: (path, most) => disk.readText(path, most),
    access: (path) => disk.access(path),
    files: disk.files,
    self: { ...real.self, complain: (text) => void said.push(text) },
  }
  const config = { stateFolder: '/state' }
  const start = () => new PhaseKeeper({ machine, config, log: new Log(machine, { hasLevels: false }) })
  return { disk, said, machine, start, keeper: start() }
}

test('a model that was announced and fetched is used, kept, and there after a restart', () => {
  const { keeper, start, machine } = aKeeper()
  assert.equal(keeper.wanted(0), undefined)
  keeper.announced(2)
  assert.equal(keeper.wanted(0), 2)
  keeper.take(textOf(2), 0)
  assert.deepEqual(keeper.model, modelOf(2))
  assert.equal(keeper.wanted(HOUR_MS), undefined)
  assert.deepEqual(start().model, modelOf(2))
  assert.deepEqual(keptPhases(machine, '/state'), modelOf(2))
})

test('the server goes back to an earlier model, and to the one that comes with the agent, which needs no fetching', () => {
  const { keeper, start, disk } = aKeeper()
  for (const [i, version] of [5, 3].entries()) {
    keeper.announced(version)
    assert.equal(keeper.wanted(i * HOUR_MS), version)
    keeper.take(textOf(version), i * HOUR_MS)
  }
  assert.equal(keeper.model.version, 3)
  keeper.announced(1)
  assert.equal(keeper.wanted(2 * HOUR_MS), undefined)
  assert.equal(keeper.model, PHASES_1)
  assert.equal(disk.held.has(PATH), false)
  assert.equal(start().model, PHASES_1)
})

test('a server that changes its mind with every answer is followed every ten minutes at most', () => {
  const { keeper } = aKeeper()
  let changes = 0
  for (let minute = 0; minute < 60; minute++) {
    keeper.announced(2 + (minute % 2))
    const wanted = keeper.wanted(minute * MINUTE_MS)
    if (wanted === undefined) continue
    keeper.take(textOf(wanted), minute * MINUTE_MS)
    changes++
  }
  // One at once and one every ten minutes; at even minutes it is model 2 that is announced, so that each change waits for the next odd one.
  assert.ok(changes >= 4 && changes <= 6, `${changes}`)
})

test('what can not be a version is passed over', () => {
  const { keeper } = aKeeper()
  for (const version of [0, -1, 1.5, 1000, 1e300, Number.NaN, Infinity]) keeper.announced(version)
  assert.equal(keeper.wanted(0), undefined)
})

for (const [what, text] of [
  ['another version than was announced', textOf(3)],
  ['nothing', ''],
  ['a page for people', '<html>'],
  ['half a model', textOf(2).slice(0, 500)],
  ['a model with NaN in it', textOf(2).replace('0.3732', 'NaN')],
  ['a model with numbers beyond all bounds', textOf(2).replace('0.3732', '1e999')],
  ['a model with a dimension too few', textOf(2).replace('-0.3533,', '')],
  ['a model of a megabyte', textOf(2).replace('"version"', `"more":"${'x'.repeat(1_000_000)}","version"`)],
  ['a model that would change all objects', textOf(2).replace('"version"', '"__proto__":{"polluted":1},"version"')],
] as const) {
  test(`a server that sends ${what} is refused: the old model stays, and it is asked again later and later`, () => {
    const { keeper, said, disk } = aKeeper()
    keeper.announced(2)
    keeper.take(text, 0)
    assert.equal(keeper.model, PHASES_1)
    assert.equal(disk.held.size, 0)
    assert.equal(said.length, 1)
    assert.ok(said[0].length < 500, said[0])
    assert.equal(keeper.wanted(MINUTE_MS - 1), undefined)
    assert.equal(keeper.wanted(MINUTE_MS), 2)
    keeper.take(text, MINUTE_MS)
    assert.equal(keeper.wanted(3 * MINUTE_MS - 1), undefined)
    keeper.take(textOf(2), 3 * MINUTE_MS)
    assert.equal(keeper.model.version, 2)
    assert.equal('polluted' in {}, false)
  })
}

test('a server that asks to wait is obeyed, up to an hour', () => {
  const { keeper } = aKeeper()
  keeper.announced(2)
  keeper.failed('busy', 0, 5 * MINUTE_MS)
  assert.deepEqual([keeper.wanted(5 * MINUTE_MS - 1), keeper.wanted(5 * MINUTE_MS)], [undefined, 2])
  keeper.failed('busy', 0, 1e12)
  assert.equal(keeper.wanted(HOUR_MS), 2)
})

test('wherever the kept model is damaged, the agent starts with the one that comes with it, and says so', () => {
  const { disk, keeper, start, said } = aKeeper()
  keeper.announced(2)
  keeper.take(textOf(2), 0)
  const bytes = disk.held.get(PATH)?.seen.length ?? 0
  for (let byte = 0; byte < bytes; byte++) {
    disk.flip(PATH, byte * 8 + (byte % 8))
    assert.equal(start().model, PHASES_1, `byte ${byte}`)
    disk.flip(PATH, byte * 8 + (byte % 8))
  }
  assert.match(said.at(-1) ?? '', /\/state\/phases is damaged; phases are told by the built-in model 1/)
  for (const length of [0, 1, 63, 64, 65, 66, bytes - 1]) {
    disk.files.truncate(PATH, length)
    assert.equal(start().model, PHASES_1, `${length} bytes`)
  }
  disk.files.writeWhole(PATH, 'x'.repeat(2 * PHASE_MODEL_BYTES_MAX), 0o600)
  assert.equal(start().model, PHASES_1)
})

test('on a disk that is full the model is used all the same', () => {
  const { disk, keeper, said } = aKeeper()
  disk.fault = (call) => (call === 'writeWhole' ? 'ENOSPC' : undefined)
  keeper.announced(2)
  keeper.take(textOf(2), 0)
  assert.equal(keeper.model.version, 2)
  assert.match(said.join(''), /can not be kept: ENOSPC/)
})
