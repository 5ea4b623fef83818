/** `npm run bench:page [-- --small]`: the dashboard over imagined sites of three sizes, in Debian's chromium: how soon it is there, what one does on it, what
 *  memory it comes to, what it is sent. Kept in docs/results/page.json and page.md. `--small` goes through all of it once; its numbers mean nothing and are
 *  not kept. Ends with 1 where a goal was missed, with 2 where there is no browser. */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { HOUR_MS, SECOND_MS } from '../src/terms/units.ts'
import { buildWebIfStale } from './build-web.ts'
import { keepResults } from './keep-results.ts'
import { commitName } from './repository.ts'
import { whyNoBrowser } from './web/page-bench.ts'
import { pageSizes, sizesText } from './web/page-sizes.ts'
import { measurePage, type PageFigures } from './web/scale/measure.ts'
import { goalsOf, pageText } from './web/scale/report.ts'

const { values: options } = parseArgs({ options: { small: { type: 'boolean', default: false } } })
const SIZES = options.small
  ? [{ hosts: 12, vms: 120, pastMs: HOUR_MS, times: 1 }]
  : [
      { hosts: 30, vms: 300, pastMs: 6 * HOUR_MS, times: 3 },
      { hosts: 300, vms: 3000, pastMs: 6 * HOUR_MS, times: 3 },
      { hosts: 1000, vms: 10_000, pastMs: 6 * HOUR_MS, times: 5 },
    ]

if (whyNoBrowser === false) process.exitCode = await run()
else {
  process.stderr.write(`${whyNoBrowser}\n`)
  process.exitCode = 2
}

async function run(): Promise<number> {
  const busyBefore = Number(loadavg()[0].toFixed(1))
  const begin = performance.now()
  // In its small form others may be reading what is there.
  const built = buildWebIfStale(undefined, !options.small)
  if (built.kind === 'failed') throw new Error(built.output)
  const sizes = pageSizes()
  process.stdout.write(`${sizesText(sizes)}\n`)
  const measured: PageFigures[] = []
  for (const size of SIZES)
    measured.push(await measurePage({ ...size, say: (what) => void process.stderr.write(`... ${what}\n`) }))
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.versions.node }
  const seconds = Math.round((performance.now() - begin) / SECOND_MS)
  const build = built.kind === 'built' ? { buildSec: Number(built.seconds.toFixed(1)) } : {}
  const about = {
    commit: commitName(),
    at: new Date().toISOString().slice(0, 10),
    ...machine,
    busyBefore,
    seconds,
    ...build,
  }
  const text = pageText({ about, sizes, measured })
  process.stdout.write(text)
  if (options.small) return 0
  keepResults('page', { ...about, sizes, measured }, text)
  return goalsOf(about, sizes, measured).every(({ isMet }) => isMet) ? 0 : 1
}
