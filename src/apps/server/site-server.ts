/** `ethos serve`: the receiving end, the judgement and the API for people, as one server. */
import type { FastifyInstance } from 'fastify'
import { join } from 'node:path'
import type { Clock } from '../../world/clock.ts'
import { addApi } from './api/api.ts'
import { makeFirstToken } from './api/api-token.ts'
import { Metrics } from './api/metrics.ts'
import type { ApiLimits } from './api/parts.ts'
import { SiteJudgement } from './judgement.ts'
import { siteConfig } from './open-site.ts'
import { judgePeer } from './peer.ts'
import { type RunningServer, type ServerOptions, type ServerParts, startServer } from './server.ts'

/** Below the data folder. */
const BACKUP_FOLDER = 'backups'

export interface SiteServerOptions extends Omit<ServerOptions, 'extend' | 'hasApi' | 'mayView' | 'clock'> {
  readonly clock: Clock
  /** Of the program. */
  readonly version: string
  /** Which of several servers on one store this is; the same after a restart. */
  readonly holder: string
  /** Between turns. Absent: five minutes. */
  readonly turnEveryMs?: number
  readonly areMetricsOpen?: boolean
  readonly apiLimits?: Partial<ApiLimits>
}

export interface SiteServer extends RunningServer {
  readonly judgement: SiteJudgement
  /** The admin's token of a store that had none: to be shown once. */
  readonly firstToken?: string
}

/** Listens. Rejects as `startServer` does. */
export async function startSiteServer(options: SiteServerOptions): Promise<SiteServer> {
  let judgement: SiteJudgement | undefined
  try {
    const server = await startServer({
      ...options,
      hasApi: true,
      extend: (app, parts) => {
        judgement = judge(options, parts)
        addPeople(app, parts, { options, judgement })
      },
    })
    if (judgement === undefined) throw new Error('the server was not extended')
    const started = judgement
    started.start()
    const firstToken = await makeFirstToken(server.store.apiTokens, options.clock.now())
    return {
      ...server,
      judgement: started,
      ...(firstToken === undefined ? {} : { firstToken }),
      close: () => started.close().finally(() => server.close()),
    }
  } catch (error) {
    await judgement?.close()
    throw error
  }
}

function judge(options: SiteServerOptions, { log }: ServerParts): SiteJudgement {
  const { clock, holder, turnEveryMs, dataFolder, storeUrl } = options
  return new SiteJudgement({
    store: siteConfig({ data: dataFolder, ...(storeUrl === undefined ? {} : { store: storeUrl }) }),
    clock,
    holder,
    ...(turnEveryMs === undefined ? {} : { everyMs: turnEveryMs }),
    note: (text) => log.warn(text),
  })
}

function addPeople(
  app: FastifyInstance,
  { store, authority, trouble, clock, log }: ServerParts,
  { options, judgement }: { readonly options: SiteServerOptions; readonly judgement: SiteJudgement },
): void {
  const { version, areMetricsOpen, apiLimits, dataFolder } = options
  addApi(app, {
    store,
    answers: judgement,
    clock,
    log,
    trouble,
    metrics: new Metrics(),
    peerOf: (socket) => judgePeer(socket, authority, clock.now()),
    pin: () => authority.pin,
    backupFolder: join(dataFolder, BACKUP_FOLDER),
    version,
    ...(areMetricsOpen === undefined ? {} : { areMetricsOpen }),
    ...(apiLimits === undefined ? {} : { limits: apiLimits }),
  })
}
