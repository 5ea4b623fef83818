/** The API's parts where it stands beside a server's own routes. */
import { join } from 'node:path'
import { BacktestDesk } from '../backtests/backtest-desk.ts'
import type { StorePlace } from '../open-site.ts'
import { judgePeer } from '../peer.ts'
import { PreviewDesk } from '../previews/preview-desk.ts'
import type { ServerParts } from '../server.ts'
import type { ApiParts } from './parts.ts'

/** Below the data folder. */
const BACKTEST_FOLDER = 'backtests'

/** What the API has of the server, and what it is given beside.
 *  @param rest.place of the store, for processes that open it themselves */
export function apiBeside(
  { store, authority, trouble, clock, peopleClock, log }: ServerParts,
  {
    dataFolder,
    place = { data: dataFolder },
    ...rest
  }: Pick<
    ApiParts,
    | 'answers'
    | 'metrics'
    | 'backupFolder'
    | 'version'
    | 'areMetricsOpen'
    | 'limits'
    | 'hasMover'
    | 'pageFolder'
    | 'pace'
  > & {
    readonly dataFolder: string
    readonly place?: StorePlace
  },
): ApiParts {
  const folder = join(dataFolder, BACKTEST_FOLDER)
  return {
    backtests: new BacktestDesk({ folder, place, clock, log }),
    previews: new PreviewDesk({ place, clock }),
    store,
    clock,
    peopleClock,
    log,
    trouble,
    peerOf: (socket) => judgePeer(socket, authority, peopleClock.now()),
    pin: () => authority.pin,
    ...rest,
  }
}
