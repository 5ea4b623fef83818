/** What `ethos reporter` does. */
import { existsSync, readFileSync } from 'node:fs'
import { WallClock } from '../../drivers/wall-clock.ts'
import { parseHostId } from '../../terms/ids.ts'
import { parseFields, parseJson, parseNumber } from '../../terms/parse.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { virshDomstats } from '../reporter/libvirt-vms.ts'
import { Reporter } from '../reporter/reporter.ts'
import { makeLog } from '../server/log.ts'
import { UsageError } from '../usage-error.ts'
import { parseServer } from './api-client.ts'
import { parseChannels } from './channel-options.ts'
import type { ReporterCommandOptions } from './reporter-command.ts'

/** Looks between two reports: the highest of a report is the highest of so many spans. */
const LOOKS = 4
const LOOK_MS_MIN = 2 * SECOND_MS

/** Runs until somebody asks it to end. */
export async function report(options: ReporterCommandOptions): Promise<void> {
  const log = makeLog(options.jsonLogs === true ? 'json' : 'text', (text) => void process.stderr.write(text))
  const reportEveryMs = parseEvery(options.every)
  const { virsh: program, connect: uri } = options
  const refCoresPerCore = readSpeed(options.measurement)
  if (refCoresPerCore === undefined)
    log.warn('Without --measurement a core here is taken for one reference core: run `ethos bench host --out FILE`')
  const reporter = new Reporter({
    server: parseServer(options.server),
    host: parseHostId(options.hostId, '--host-id'),
    stateFolder: options.state,
    tokenFile: options.tokenFile,
    refCoresPerCore: refCoresPerCore ?? 1,
    reportEveryMs,
    lookEveryMs: Math.max(LOOK_MS_MIN, reportEveryMs / LOOKS),
    channels: parseChannels(options),
    procFolder: '/proc',
    domstats: () => virshDomstats({ program, uri }),
    isInMaintenance: () => existsSync(options.maintenanceFile),
    clock: new WallClock(),
    elapsedMs: () => performance.now(),
    log,
  })
  reporter.start()
  log.info({ host: options.hostId, server: options.server, everySec: reportEveryMs / SECOND_MS }, 'reporting')
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'))
    process.once('SIGINT', () => resolve('SIGINT'))
  })
  log.info({ signal }, 'ending')
  await reporter.close()
}

function parseEvery(text: string): number {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 10 && seconds <= 900) return seconds * SECOND_MS
  throw new UsageError('--every', text, 'Expected 10 to 900 seconds.')
}

/** What one core of this host is worth, as its measurement says. */
function readSpeed(path: string | undefined): number | undefined {
  if (path === undefined) return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UsageError('--measurement', path, `It can not be read (${code}).`)
  }
  const { host } = parseFields(parseJson(text, path), path)
  const { refCoresPerCore } = parseFields(host, `${path}: host`)
  return parseNumber(refCoresPerCore, `${path}: host.refCoresPerCore`, { min: 1e-6, max: 1e6 })
}
