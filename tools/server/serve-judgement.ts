/** A program that opens a store, starts the judgement on it, and prints the first ranking's age and when nothing is degraded any more: for the restart
 *  benchmark. `node tools/server/serve-judgement.ts FOLDER VM` */
import { SiteJudgement } from '../../src/apps/server/judgement.ts'
import { openSite } from '../../src/apps/server/open-site.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { parseVmId } from '../../src/terms/ids.ts'
import { until } from './live-site.ts'

const [data, vm] = process.argv.slice(2)
const store = await openSite({ data, isThreaded: true })
const judgement = new SiteJudgement({ store, place: { data }, clock: new WallClock(), holder: 'restart' })
judgement.start()
let hosts = 0
await until('hosts are ranked', async () => {
  const answer = await judgement.hostsFor(parseVmId(vm))
  if (answer.kind !== 'json') return false
  const { ranked, refused } = JSON.parse(answer.text) as { ranked: unknown[]; refused: unknown[] }
  hosts = ranked.length + refused.length
  return hosts > 0
})
process.stdout.write(`${JSON.stringify({ what: 'ranking', hosts, rssMb: rssMb() })}\n`)
await until('a turn is taken', () => judgement.status().degraded.length === 0)
process.stdout.write(`${JSON.stringify({ what: 'turn', hosts, rssMb: rssMb() })}\n`)
await judgement.close()
await store.close()

function rssMb(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}
