/** `ethos serve`: the receiving end, the judgement and the API for people, as one server. */
import { join } from 'node:path'
import type { ClockPace } from '../../drivers/paced-clock.ts'
import type { Role } from '../../terms/access.ts'
import type { Clock } from '../../world/clock.ts'
import { addApi, type Api } from './api/api.ts'
import { makeFirstToken } from './api/api-token.ts'
import { apiBeside } from './api/beside.ts'
import { countRefused, Metrics, timed } from './api/metrics.ts'
import { PAGE_FOLDER } from './api/page-files.ts'
import type { ApiLimits } from './api/parts.ts'
import { SiteJudgement } from './judgement.ts'
import type { StorePlace } from './open-site.ts'
import { TURN_FOLDER } from './replay/turn-recorder.ts'
import { type RunningServer, type ServerOptions, type ServerParts, startServer } from './server.ts'

/** Below the data folder. */
const BACKUP_FOLDER = 'backups'

export interface SiteServerOptions extends Omit<ServerOptions, 'extend' | 'watched' | 'countOfNobody' | 'clock'> {
  readonly clock: Clock
  /** At which `clock` goes. Absent: it is the machine's. */
  readonly pace?: ClockPace
  /** Of the program. */
  readonly version: string
  /** Which of several servers on one store this is; the same after a restart. */
  readonly holder: string
  /** Between turns. Absent: a minute. */
  readonly turnEveryMs?: number
  readonly areMetricsOpen?: boolean
  readonly apiLimits?: Partial<ApiLimits>
  /** Who moves VMs where that is not libvirt's driver: the controller's program, and where it finds its platform. */
  readonly mover?: { readonly controllerEntry: URL; readonly platform: string }
  /** How much room what turns are judged on may take in the data folder, in bytes. Absent: it is not kept. */
  readonly turnBytesMax?: number
  /** Where the built page lies. Absent: where the build puts it. */
  readonly pageFolder?: string
}

export interface SiteServer extends RunningServer {
  readonly judgement: SiteJudgement
  /** The admin's token of a store that had none: to be shown once. */
  readonly firstToken?: string
  /** Makes a token that signs one browser in, within ten minutes. It belongs behind the `#token=` of an address, which browsers tell nobody. */
  readonly makeOneTimeToken: (role: Role) => string
}

/** Listens. Rejects as `startServer` does. */
export async function startSiteServer(options: SiteServerOptions): Promise<SiteServer> {
  let judgement: SiteJudgement | undefined
  let server: RunningServer | undefined
  let api: Api | undefined
  const metrics = new Metrics()
  try {
    const running = await startServer({
      ...options,
      watched: (store) => timed(store, metrics),
      countOfNobody: (what, number) => countRefused(metrics, what, number),
      extend: (app, parts) => {
        judgement = judge(options, parts)
        const { version, areMetricsOpen, apiLimits, dataFolder, pageFolder, pace } = options
        const about = {
          answers: judgement,
          metrics,
          backupFolder: join(dataFolder, BACKUP_FOLDER),
          pageFolder: pageFolder ?? PAGE_FOLDER,
          dataFolder,
          place: placeOf(options),
          version,
          hasMover: options.mover !== undefined,
          ...(pace === undefined ? {} : { pace }),
          ...(areMetricsOpen === undefined ? {} : { areMetricsOpen }),
          ...(apiLimits === undefined ? {} : { limits: apiLimits }),
        }
        api = addApi(app, apiBeside(parts, about))
      },
    })
    server = running
    if (judgement === undefined || api === undefined) throw new Error('the server was not extended')
    const started = judgement
    started.start()
    const firstToken = await makeFirstToken(running.store.apiTokens, (options.peopleClock ?? options.clock).now())
    return {
      ...running,
      judgement: started,
      makeOneTimeToken: api.makeOneTimeToken,
      ...(firstToken === undefined ? {} : { firstToken }),
      async close() {
        await started.close()
        await running.close()
      },
    }
  } catch (error) {
    await judgement?.close()
    // It listens already: a command that has failed would not end.
    await server?.close().catch(() => undefined)
    throw error
  }
}

function judge(options: SiteServerOptions, { log, store, watch }: ServerParts): SiteJudgement {
  const { clock, pace, mover, holder, turnEveryMs, turnBytesMax, dataFolder, version } = options
  const turns = { folder: join(dataFolder, TURN_FOLDER), bytesMax: turnBytesMax ?? 0, version }
  return new SiteJudgement({
    store,
    place: placeOf(options),
    clock,
    ...(pace === undefined ? {} : { pace }),
    ...mover,
    ...(turns.bytesMax === 0 ? {} : { turns }),
    holder,
    ...(turnEveryMs === undefined ? {} : { everyMs: turnEveryMs }),
    hostAlerts: () => watch.alerts(),
    note: (text) => log.warn(text),
  })
}

function placeOf({ dataFolder, storeUrl }: Pick<SiteServerOptions, 'dataFolder' | 'storeUrl'>): StorePlace {
  return { data: dataFolder, ...(storeUrl === undefined ? {} : { store: storeUrl }) }
}
