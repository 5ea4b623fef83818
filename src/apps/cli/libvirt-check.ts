/** `ethos libvirt check`: asks every libvirt of a site from here, and tells what it finds. It reads only, and no server is needed where a file is given. */
import { LibvirtDriver } from '../../drivers/libvirt/driver/libvirt-driver.ts'
import { checkWholeSite, type CheckOptions, type SiteCheck } from '../../drivers/libvirt/driver/site-check.ts'
import type { LibvirtSite } from '../../drivers/libvirt/driver/sites.ts'
import { printable, printableJson } from '../printable.ts'
import { parseLibvirtSite } from '../server/libvirt-setting.ts'
import type { LibvirtView } from '../server/views/moves.ts'
import { UsageError } from '../usage-error.ts'
import { ask, type AskOptions, findLogin, readJson } from './api-client.ts'
import { EXIT } from './api-error.ts'
import { checkText } from './libvirt-check-text.ts'

/** A host that is asked what it can run starts each of its QEMUs, if it did not since they changed. */
const CALL_TIMEOUT_MS = 30_000

/** @param file the site as `ethos libvirt set` takes it; absent: what the server has */
export async function checkLibvirt(file: string | undefined, options: AskOptions): Promise<void> {
  const site = file === undefined ? await siteOfServer(options) : siteOfFile(file)
  if (site.hosts.length === 0)
    throw new UsageError(
      file ?? 'libvirt',
      undefined,
      'No host is named there. Tell which there are: see docs/driver-libvirt.md.',
    )
  const check = await checkFrom(site)
  process.stdout.write(options.json === true ? `${printableJson(checkJson(check))}\n` : printable(checkText(check)))
  if (isWrong(check)) process.exitCode = EXIT.no
}

async function checkFrom(site: LibvirtSite, options: CheckOptions = {}): Promise<SiteCheck> {
  const driver = new LibvirtDriver(site, { callTimeoutMs: CALL_TIMEOUT_MS })
  try {
    return await checkWholeSite(site, driver.hosts, options)
  } finally {
    await driver.close()
  }
}

/** A host that can't be asked, or one that would not take another's VMs. What is only dangerous is no "no". */
export function isWrong({ hosts, cpus }: SiteCheck): boolean {
  return hosts.some(({ kind }) => kind === 'unreachable') || cpus.pairs.some(({ verdict }) => verdict === 'no')
}

/** For programs: hosts as they told, each with its load; the pairs by names of hosts. */
function checkJson(check: SiteCheck): unknown {
  const { hosts, loads, cpus, baseline, cpuRemedy, warnings } = check
  return {
    isGood: !isWrong(check),
    hosts: hosts.map((host) => ({ ...host, load: loads.get(host.hostId) })),
    cpus: {
      ...cpus,
      pairs: cpus.pairs.map(({ from, to, ...pair }) => ({ from: from.hosts, to: to.hosts, ...pair })),
      apart: cpus.apart.map(({ kind, ...apart }) => ({ hosts: kind.hosts, ...apart })),
      baseline,
      remedy: cpuRemedy,
    },
    warnings,
  }
}

/** As `ethos libvirt --json` prints it, too. */
function siteOfFile(file: string): LibvirtSite {
  const given = readJson('file', file)
  const isView = typeof given === 'object' && given !== null && 'site' in given
  return parseLibvirtSite(isView ? given.site : given, file)
}

async function siteOfServer(options: AskOptions): Promise<LibvirtSite> {
  const { site } = (await ask(findLogin(options), { path: '/v1/libvirt' })) as LibvirtView
  const { hosts = [] } = site as { readonly hosts?: unknown }
  return parseLibvirtSite({ ...site, hosts })
}
