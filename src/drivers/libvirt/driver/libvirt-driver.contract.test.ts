import { parseHostId, parseVmId } from '../../../terms/ids.ts'
import { migrationDriverContract } from '../../../world/migration-driver.contract.ts'
import { aDrivenSite, anIntent } from './builders.ts'
import { aDomainXml } from './fake-site.ts'

const STAYS = "<metadata><ethos:vm xmlns:ethos='urn:ethos:vm' migration='off' reason='licence'/></metadata>"

for (const isTransient of [true, false]) {
  migrationDriverContract(`libvirt with a VM that is ${isTransient ? 'transient' : 'defined'}`, async () => {
    const { site, driver, dispose } = await aDrivenSite()
    const { uuid } = site.addVm('web-1', 'host-1', { isTransient })
    return {
      driver,
      dispose,
      vmId: parseVmId('web-1'),
      from: parseHostId('host-1'),
      to: parseHostId('host-2'),
      intent: () => anIntent('web-1'),
      next: (how) => site.fates.push(how),
      finish: () => site.finish(),
      taken: () => site.performed.length,
      runsOn: () => site.runsOn('web-1').map((name) => parseHostId(name)),
      optOut: () => site.change('web-1', 'host-1', { xml: aDomainXml('web-1', uuid, { more: STAYS }) }),
      cutOff: (hostId) => site.kill(hostId),
      mend: (hostId) => site.revive(hostId),
    }
  })
}
