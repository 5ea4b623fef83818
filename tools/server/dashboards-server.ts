/** A program that is the whole service on an imagined site, with loud hosts: for the test with many dashboards. It prints its port.
 *  `node tools/server/dashboards-server.ts FOLDER HOSTS VMS EVENTS-PER-SECOND` */
import { addApi } from '../../src/apps/server/api/api.ts'
import { apiBeside } from '../../src/apps/server/api/beside.ts'
import { Metrics, timed } from '../../src/apps/server/api/metrics.ts'
import { SiteJudgement } from '../../src/apps/server/judgement.ts'
import { startServer } from '../../src/apps/server/server.ts'
import type { SiteAnswers, SiteEvent } from '../../src/apps/server/site-answers.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { ImaginedSite } from './imagined-site.ts'

const TURN_MS = 5000
/** Of one loud event: as long as they may be. */
const EVENT_BYTES = 16_000

const [data, hosts, vms, eventsPerSec] = process.argv.slice(2)
const site = new ImaginedSite({ hosts: Number(hosts), vms: Number(vms), seed: 1 })
const clock = new WallClock()
const metrics = new Metrics()
const listeners = new Set<(event: SiteEvent) => void>()
let judgement: SiteJudgement | undefined

const server = await startServer({
  dataFolder: data,
  host: '127.0.0.1',
  port: 0,
  names: ['127.0.0.1'],
  clock,
  limits: { perAddressMax: 300 },
  watched: (store) => timed(store, metrics),
  extend: (app, parts) => {
    const began = new SiteJudgement({
      store: parts.store,
      place: { data },
      clock,
      holder: 'dashboards',
      everyMs: TURN_MS,
      leaseMs: 3 * TURN_MS,
    })
    judgement = began
    addApi(
      app,
      apiBeside(parts, { answers: withLoudHosts(began), metrics, backupFolder: data, dataFolder: data, version: '0' }),
    )
  },
})
judgement?.start()
const text = JSON.stringify({ text: 'x'.repeat(EVENT_BYTES) })
setInterval(() => void site.tellReports(server.store, Date.now()), 1000)
setInterval(
  () => listeners.forEach((listener) => listener({ name: 'host', at: Date.now(), text })),
  1000 / Number(eventsPerSec),
)
process.stdout.write(`${server.port}\n`)

/** The same answers; listeners hear of hosts all the time. */
function withLoudHosts(answers: SiteAnswers): SiteAnswers {
  return new Proxy(answers, {
    get(target, name) {
      if (name === 'subscribe')
        return (listener: (event: SiteEvent) => void) => {
          listeners.add(listener)
          return target.subscribe(listener)
        }
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
