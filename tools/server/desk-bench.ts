/** An imagined site with a desk of moves on it, for tests: taken down after them. */
import { after } from 'node:test'
import type { PlatformDesk } from '../../src/apps/server/platform-desk.ts'
import type { TurnRecorder } from '../../src/apps/server/replay/turn-recorder.ts'
import type { AutomationLevel } from '../../src/apps/server/site-settings.ts'
import { DeskBench } from './desk-site.ts'

const benches: DeskBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

/** @param recorder keeps what its turns are judged on */
export async function aBench(
  level: AutomationLevel,
  platform?: PlatformDesk,
  recorder?: Pick<TurnRecorder, 'keep'>,
): Promise<DeskBench> {
  const bench = new DeskBench(platform, recorder)
  benches.push(bench)
  await bench.open()
  await bench.desk.open()
  await bench.level(level)
  bench.press()
  await bench.turn()
  return bench
}
