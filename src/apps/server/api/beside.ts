/** The API's parts where it stands beside a server's own routes. */
import { judgePeer } from '../peer.ts'
import type { ServerParts } from '../server.ts'
import type { ApiParts } from './parts.ts'

/** What the API has of the server, and what it is given beside. */
export function apiBeside(
  { store, authority, trouble, clock, wallClock, log }: ServerParts,
  rest: Pick<ApiParts, 'answers' | 'metrics' | 'backupFolder' | 'version' | 'areMetricsOpen' | 'limits' | 'hasMover'>,
): ApiParts {
  return {
    store,
    clock,
    wallClock,
    log,
    trouble,
    peerOf: (socket) => judgePeer(socket, authority, wallClock.now()),
    pin: () => authority.pin,
    ...rest,
  }
}
