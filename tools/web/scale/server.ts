/** A program that is `ethos serve` with its page on an imagined site, over plain HTTP: for `npm run bench:page`. It prints its port.
 *  `node tools/web/scale/server.ts FOLDER HOSTS VMS TURN-EVERY-MS`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startSiteServer } from '../../../src/apps/server/site-server.ts'
import { WallClock } from '../../../src/drivers/wall-clock.ts'
import { ImaginedSite } from '../../server/imagined-site.ts'

const [dataFolder, hosts, vms, turnEveryMs] = process.argv.slice(2)
const site = new ImaginedSite({ hosts: Number(hosts), vms: Number(vms), seed: 1 })
const server = await startSiteServer({
  dataFolder,
  // The file in its folder, whatever the environment says of a store.
  storeUrl: '',
  host: '127.0.0.1',
  port: 0,
  isPlain: true,
  names: ['127.0.0.1'],
  version: '0.0.0-bench',
  holder: 'page-bench',
  clock: new WallClock(),
  turnEveryMs: Number(turnEveryMs),
  areMetricsOpen: true,
})
const ending = new AbortController()
process.once('SIGTERM', () => ending.abort())
process.stdout.write(`${server.port}\n`)
while (!ending.signal.aborted) {
  await sleep(Number(turnEveryMs), undefined, { signal: ending.signal }).catch(() => undefined)
  if (!ending.signal.aborted) await site.tellReports(server.store, Date.now(), Number(turnEveryMs))
}
await server.close()
