/** Days of an imagined site at `full`, with what happens to one: load that comes and goes, hosts that are emptied, people who pause, processes that end, clocks
 *  that are set. Each turn's inputs are kept, then judged once more: reliability test 34. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Replay, type ReplayReport } from '../../src/apps/server/replay/replay-files.ts'
import { TurnRecorder } from '../../src/apps/server/replay/turn-recorder.ts'
import { Luck } from '../../src/terms/luck.ts'
import { GiB, MINUTE_MS } from '../../src/terms/units.ts'
import { DeskBench } from '../server/desk-site.ts'

export interface ReplayedDays {
  readonly report: ReplayReport
  readonly bytes: number
  readonly starts: number
  readonly clockSteps: number
  readonly emptied: number
  readonly pauses: number
  readonly moves: number
}

/** @param turns of five minutes */
export async function replayDays(seed: number, turns: number): Promise<ReplayedDays> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-replay-'))
  const said: string[] = []
  const recorder = new TurnRecorder({ folder, bytesMax: GiB, version: 'days', say: (text) => void said.push(text) })
  const bench = new DeskBench(undefined, recorder)
  try {
    const lived = await live(bench, new Luck(seed), turns)
    await recorder.close()
    const replay = new Replay()
    const files = readdirSync(folder).toSorted()
    for (const name of files) await replay.file(join(folder, name))
    const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
    if (said.length > 0) throw new Error(`Turns were not kept: ${said.join(' ')}`)
    return { report: replay.report(await replay.against(bench.store.journal)), bytes, ...lived }
  } finally {
    await recorder.close()
    await bench.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function live(bench: DeskBench, luck: Luck, turns: number) {
  const happened = { starts: 0, clockSteps: 0, emptied: 0, pauses: 0 }
  await bench.open()
  await bench.desk.open()
  await bench.level('full')
  for (let turn = 0; turn < turns; turn++) {
    await happen(bench, luck, happened)
    await bench.step()
    if (luck.fraction() < 0.7) await bench.arrive()
  }
  return { ...happened, moves: bench.driver.calls.length }
}

/** One turn in five something changes. */
async function happen(bench: DeskBench, luck: Luck, happened: Record<string, number>): Promise<void> {
  const { site } = bench
  const chance = luck.fraction()
  const count = (name: string): void => {
    happened[name] = (happened[name] ?? 0) + 1
  }
  if (chance < 0.1) {
    // A host's guests get busy, or calm.
    const host = luck.below(site.hosts.length)
    const isBusy = luck.fraction() < 0.4
    site.hostOf.forEach((on, vm) => {
      if (on === host) site.pressure.set(vm, isBusy ? 0.5 + 0.5 * luck.fraction() : 0.1)
    })
  } else if (chance < 0.12) {
    const { id } = site.hosts[luck.below(site.hosts.length)]
    await bench.set('maintenance', { [id]: { who: 'ann', at: bench.now, reason: 'new memory' } })
    count('emptied')
  } else if (chance < 0.15) {
    await bench.set('maintenance', {})
  } else if (chance < 0.16) {
    await bench.level('full', true)
    count('pauses')
  } else if (chance < 0.19) {
    await bench.level(luck.fraction() < 0.2 ? 'partial' : 'full')
  } else if (chance < 0.195) {
    await bench.setForward(MINUTE_MS * (1 + luck.below(90)))
    count('clockSteps')
  } else if (chance < 0.205) {
    bench.desk.close()
    await bench.newDesk().open()
    count('starts')
  }
}
