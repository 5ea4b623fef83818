import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from '../../drivers/guest/machine.ts'
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import type { Finding, Look, ReadingWriter, Sampler } from '../../drivers/guest/sampler.ts'
import { dimensionIndex } from '../../terms/personality.ts'
import { type Measure, stretchOf } from '../../terms/reading.ts'
import { Log } from './log.ts'
import { Watch } from './watch.ts'

/** A sampler of one rate, which is 1 for each second since it was asked last: a counter that rises by the square would tell lies. */
class OfSpan implements Sampler {
  readonly name: 'cpu' | 'processes'
  readonly isCheap: boolean
  readonly asked: number[] = []
  private readonly measure: Measure

  constructor(isCheap: boolean, measure: Measure) {
    this.name = isCheap ? 'cpu' : 'processes'
    this.isCheap = isCheap
    this.measure = measure
  }

  sample({ monotonicMs }: Look, into: ReadingWriter): void {
    into.put(this.measure, monotonicMs - (this.asked.at(-1) ?? Number.NaN))
    this.asked.push(monotonicMs)
  }

  findings(): readonly [] {
    return []
  }
}

function watchOf(samplers: readonly Sampler[]): { readonly watch: Watch; readonly clock: { ms: number } } {
  const clock = { ms: 0 }
  const machine: Machine = { ...nodeMachine(), now: () => clock.ms, monotonicMs: () => clock.ms }
  return { watch: new Watch(machine, samplers, new Log(machine, { hasLevels: false })), clock }
}

test('what is costly is asked at looks at all only, and told with the whole time that it spans', async () => {
  const cheap = new OfSpan(true, 'cpuRefCoresMean')
  const costly = new OfSpan(false, 'processBirthsPerSec')
  const { watch, clock } = watchOf([cheap, costly])
  const [cpu, births] = [dimensionIndex('cpuRefCoresMean'), dimensionIndex('processBirthsPerSec')]
  assert.equal(await watch.look(), undefined)
  for (clock.ms = 1000; clock.ms <= 4000; clock.ms += 1000) {
    const reading = await watch.look({ onlyCheap: true })
    assert.deepEqual([reading?.spanMs, reading?.values[cpu], reading?.values[births]], [1000, 1000, Number.NaN])
  }
  clock.ms = 5000
  const mixed = await watch.look()
  assert.ok(mixed !== undefined)
  assert.deepEqual([mixed.spanMs, mixed.values[cpu], mixed.values[births]], [1000, 1000, 5000])
  assert.deepEqual([stretchOf(mixed, cpu), stretchOf(mixed, births)], [1, 5])
  clock.ms = 10_000
  const plain = await watch.look()
  assert.ok(plain !== undefined)
  assert.equal(plain.spansMs, undefined)
  assert.deepEqual([plain.spanMs, stretchOf(plain, births)], [5000, 1])
  assert.deepEqual(costly.asked, [0, 5000, 10_000])
})

test('the log tells once what this run can not see, and that it is seen again', () => {
  const lines: string[] = []
  const real = nodeMachine()
  const machine: Machine = { ...real, self: { ...real.self, complain: (text) => void lines.push(text) } }
  const what = 'PostgreSQL at /run/postgresql/.s.PGSQL.5432'
  const news: Finding[] = [
    { sampler: 'applications', what, state: 'absent', because: 'no whole answer', remedy: 'does it hang?' },
    { sampler: 'applications', what, state: 'seen', because: 'found by itself' },
  ]
  const sampler: Sampler = {
    name: 'applications',
    isCheap: false,
    sample: () => undefined,
    findings: () => [],
    changes: () => news.splice(0, 1),
  }
  const watch = new Watch(machine, [sampler], new Log(machine, { hasLevels: true }))
  for (let look = 0; look < 3; look++) watch.tellChanges()
  assert.deepEqual(lines, [
    `<4>${what}: no whole answer. Its values are absent. Maybe: does it hang?\n`,
    `<5>${what} is seen again\n`,
  ])
})
