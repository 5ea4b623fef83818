/** `node tools/server/traffic.ts --data FOLDER`: imagined hosts and VMs report to a server that runs with a folder, for trying it out. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { withSite } from '../../src/apps/server/open-site.ts'
import { HOUR_MS, SECOND_MS } from '../../src/terms/units.ts'
import { ImaginedSite } from './imagined-site.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    hosts: { type: 'string', default: '8' },
    vms: { type: 'string', default: '60' },
    cores: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    every: { type: 'string', default: '15' },
    'past-hours': { type: 'string', default: '24' },
  },
})
const site = new ImaginedSite({
  hosts: Number(values.hosts),
  vms: Number(values.vms),
  cores: Number(values.cores),
  seed: Number(values.seed),
})
const everyMs = Number(values.every) * SECOND_MS

await withSite(values.data === undefined ? {} : { data: values.data }, async (store) => {
  const begun = Date.now()
  await site.register(store, begun)
  await site.tellPast(store, { from: begun - Number(values['past-hours']) * HOUR_MS, to: begun })
  process.stdout.write(
    `${site.hosts.length} hosts and ${site.vms.length} VMs report every ${everyMs / SECOND_MS} s. Ctrl-C ends it.\n`,
  )
  for (;;) {
    await site.tellReports(store, Date.now())
    await site.tellVectors(store, [...site.vms.keys()], Date.now())
    await sleep(everyMs)
  }
})
