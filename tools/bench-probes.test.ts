import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { ProbeCosts } from './probes/measure.ts'
import { costsAsText } from './probes/page.ts'
import { whyNoLoad } from './probes/load.ts'
import { whyNoBpftrace } from './probes/tracing.ts'
import { REPOSITORY } from './repository.ts'

test('the benchmark of the probes attaches each way to each program, runs a round of each, and leaves nothing', {
  skip: whyNoBpftrace() || whyNoLoad(),
}, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/bench-probes.ts', '--smoke'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const costs = JSON.parse(stdout) as ProbeCosts
  assert.deepEqual(
    costs.attached.map(({ mode, way }) => `${mode} ${way}`),
    ['s', 'm', 't', 'd'].flatMap((mode) => [`${mode} bpftrace`, `${mode} tracefs`]),
  )
  for (const { mode, way, pairs } of costs.attached) {
    assert.equal(pairs.length, 1)
    assert.ok(pairs[0].counted >= 1000, `${mode} ${way}: ${pairs[0].counted} calls were counted`)
    assert.ok(pairs[0].on.cpuNs > 0 && pairs[0].off.cpuNs > 0, `${mode} ${way}`)
  }
  assert.deepEqual(
    costs.cycles.map(({ mode, way }) => `${mode} ${way}`),
    ['s auto', 's tracefs', 'm auto', 'm tracefs'],
  )
  for (const { cycles } of costs.cycles) assert.ok(cycles[0].counted >= 1000 && cycles[0].helperCpuMs > 0)
  assert.deepEqual(
    costs.trust.map(({ told }) => told.length >= 1),
    [true, true, true],
  )
  assert.deepEqual(costs.left, [])
  assert.match(costsAsText(costs), /Goal: slower by at most 3 %: (met|MISSED)/)
})
