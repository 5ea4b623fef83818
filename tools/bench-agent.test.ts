import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureAgents } from './agent/measure.ts'
import { startSubjects } from './agent/subjects.ts'

test('the benchmark of the agent measures it on Node and as one executable', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-bench-'))
  const subjects = await startSubjects({ folder, processes: 0, vectorEvery: '1min', say: () => undefined })
  try {
    const { rows } = await measureAgents(subjects, { seconds: 6, warmUpSeconds: 2 })
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
  } finally {
    await subjects.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
