import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureAgents } from './agent/measure.ts'
import { startSubjects } from './agent/subjects.ts'
import { whyNoBpftrace } from './probes/tracing.ts'

/** As brief as a round may be: system calls alone. */
const PROBES = ['system-calls-for = 3s', 'tls = off', 'allocator = off', 'dns = off']

test('the benchmark of the agent measures it on Node and as one executable, each with its probe helper', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-'))
  const subjects = await startSubjects({
    folder,
    processes: 0,
    vectorEvery: '1min',
    probes: PROBES,
    say: () => undefined,
  })
  try {
    const hasProbes = whyNoBpftrace() === false
    const wanted = { seconds: 6, warmUpSeconds: 2, probeRounds: hasProbes ? 1 : 0 }
    const { rows, probes } = await measureAgents(subjects, wanted)
    const agents = rows.filter(({ name }) => name.startsWith('agent'))
    assert.deepEqual(
      agents.map(({ name }) => name),
      ['agent on Node', 'agent, one executable'],
    )
    for (const { name, cpuShare, openFiles, anonymousBytes, residentBytes } of agents) {
      assert.ok(cpuShare > 0 && cpuShare < 1, name)
      assert.ok(openFiles > 2 && openFiles <= 200, `${name}: ${openFiles} open files`)
      assert.ok(anonymousBytes > 0 && anonymousBytes < residentBytes, name)
    }
    assert.deepEqual(
      probes.map(({ name, way }) => `${name} by ${way}`),
      hasProbes ? ['agent on Node by bpftrace', 'agent, one executable by bpftrace'] : [],
    )
    for (const { name, cpuMsPerRound } of probes) assert.ok(cpuMsPerRound > 0, name)
    for (const { name, pid } of subjects.agents)
      assert.match(readFileSync(`/proc/${pid}/environ`, 'latin1'), /ETHOS_LEAN=on/, name)
  } finally {
    await subjects.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
