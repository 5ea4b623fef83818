/** A fake site, a driver over it, and orders for it, put away at the end of a test. For tests and nowhere else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHostId, parseOrderId, parseVmId } from '../../../terms/ids.ts'
import type { MigrationIntent, MigrationTerms } from '../../../terms/intent.ts'
import { FakeSite } from './fake-site.ts'
import { LibvirtDriver, type LibvirtDriverOptions } from './libvirt-driver.ts'
import type { LibvirtSite } from './sites.ts'

export interface DrivenSite {
  readonly site: FakeSite
  readonly driver: LibvirtDriver
  readonly dispose: () => Promise<void>
}

/** What is waited for comes, however busy the machine is. */
const PATIENT = { vmWaitMs: 20_000, hostWaitMs: 60_000 }

/** Two hosts, unless it says otherwise. */
export async function aDrivenSite(
  changes: Partial<LibvirtSite> = {},
  options: LibvirtDriverOptions = {},
  hosts = 2,
): Promise<DrivenSite> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-site-'))
  const site = await FakeSite.open(folder, hosts)
  const driver = new LibvirtDriver(
    { ...site.configuration, ...changes },
    { ...site.linkOptions, ...PATIENT, ...options },
  )
  const dispose = async (): Promise<void> => {
    await driver.close()
    await site.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { site, driver, dispose }
}

let orders = 0

/** From host-1 to host-2, with an order of its own each time. */
export function anIntent(vm: string, terms: Partial<MigrationTerms> = {}): MigrationIntent {
  const order = {
    id: parseOrderId(`order-${++orders}`),
    vmId: parseVmId(vm),
    from: parseHostId('host-1'),
    to: parseHostId('host-2'),
    decidedAt: 0,
    class: 'operator',
    reason: 'a test wants it',
  } as const
  const plain = { mode: 'precopy', timeoutMs: 60_000, stalledMs: 30_000 } as const
  return { order, cause: { kind: 'operator', who: 'tester' }, terms: { ...plain, ...terms } }
}
