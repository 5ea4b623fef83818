/** The hour of both agents, with or without a load of short programs. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figures } from '../long-test.ts'
import { startAgents } from './agents.ts'
import { countForks, startForks } from './forks.ts'
import { beyondBounds, hourFigures, judgeHour, watchMinutes } from './hour.ts'
import { countProcesses } from './process-use.ts'

export const HOUR_MINUTES = 60
const PREFIXES = ['node', 'executable'] as const

/** Throws where a bound is not kept. Births are those of the whole machine, by its kernel's count: others may work on it. */
export async function runHour({ forksPerSec }: { readonly forksPerSec: number }): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-hour-'))
  const agents = await startAgents(folder)
  const load = forksPerSec > 0 ? startForks(folder, forksPerSec) : undefined
  try {
    const bornBefore = countForks()
    const startMs = performance.now()
    const minutes = await watchMinutes(
      agents.list.map(({ pid }) => pid),
      { minutes: HOUR_MINUTES },
    )
    const births = (countForks() - bornBefore) / ((performance.now() - startMs) / 1000)
    const judged = minutes.map(judgeHour)
    for (const [i, { name }] of agents.list.entries())
      process.stdout.write(
        `${name}: ${minutes[i].map(({ residentBytes }) => (residentBytes / 2 ** 20).toFixed(1)).join(' ')} MiB\n`,
      )
    assert.deepEqual(
      judged.flatMap((judgement, i) => beyondBounds(agents.list[i].name, judgement)),
      [],
    )
    const vectors = (await Promise.all(agents.list.map(({ vm }) => agents.lines(vm)))).map(({ length }) => length)
    // One every five minutes: the first within the first five, the last perhaps on its way.
    assert.ok(vectors.every((count) => count >= HOUR_MINUTES / 5 - 1))
    return {
      minutes: HOUR_MINUTES,
      processes: countProcesses(),
      machineBirthsPerSec: Math.round(births),
      ...Object.assign({}, ...judged.map((judgement, i) => hourFigures(PREFIXES[i], judgement))),
      vectors: Math.min(...vectors),
    }
  } finally {
    load?.kill('SIGKILL')
    await agents.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
