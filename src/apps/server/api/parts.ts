/** What the API is given to work with. It is built against interfaces: it does not know which store, or where judgement is done. */
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import type { BucketLimits } from '../../../engine/admission/buckets.ts'
import { SECOND_MS } from '../../../terms/units.ts'
import type { ClockPace } from '../../../drivers/paced-clock.ts'
import type { Clock } from '../../../world/clock.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import type { Peer } from '../peer.ts'
import type { BacktestDesk } from '../backtests/backtest-desk.ts'
import type { PreviewDesk } from '../previews/preview-desk.ts'
import type { SiteAnswers } from '../site-answers.ts'
import type { Trouble } from '../trouble.ts'
import type { Metrics } from './metrics.ts'
import { SESSION_LIMITS, type SessionLimits } from './sessions.ts'

/** Bounds on callers. */
export interface ApiLimits {
  /** Requests of one token or certificate. */
  readonly perToken: BucketLimits
  /** Requests from one address, whoever asks. */
  readonly perAddress: BucketLimits
  /** Requests that are refused for want of a good token: from one address, and from all together. Each is a line in the audit. */
  readonly refused: { readonly each: BucketLimits; readonly together: BucketLimits }
  /** Streams of events, of one token and in all. */
  readonly streamsPerToken: number
  readonly streamsInAll: number
  /** Browsers that are signed in. */
  readonly sessions: SessionLimits
}

/** A dashboard asks some ten things every 5 s; a program that walks 10,000 VMs one by one does it in two minutes. */
export const API_LIMITS: ApiLimits = {
  perToken: { everyMs: 10, burst: 500 },
  perAddress: { everyMs: 2, burst: 2000 },
  refused: { each: { everyMs: 3 * SECOND_MS, burst: 20 }, together: { everyMs: 50, burst: 200 } },
  streamsPerToken: 32,
  streamsInAll: 500,
  sessions: SESSION_LIMITS,
}

export interface ApiParts {
  /** Through `timed`, where the metrics are to tell of it. */
  readonly store: SiteStore
  readonly answers: SiteAnswers
  /** Runs what-ifs on recorded demand. It ends with the server. */
  readonly backtests: BacktestDesk
  /** Runs previews of policies. It ends with the server. */
  readonly previews: PreviewDesk
  readonly clock: Pick<Clock, 'now'>
  /** At which `clock` goes. Absent: it is the machine's. */
  readonly pace?: Pick<ClockPace, 'speed'>
  /** By which sessions and tokens end, and callers are counted. Absent: `clock`, which passes faster than people do where a day is played in minutes. */
  readonly peopleClock?: Pick<Clock, 'now'>
  readonly log: Logger
  readonly trouble: Pick<Trouble, 'list'>
  readonly metrics: Metrics
  /** Who is at the other end, by certificate. */
  readonly peerOf: (socket: Socket) => Peer
  /** What a join token pins: see `Authority.pin`. */
  readonly pin: () => string
  /** Where backups go; a caller names only the file within. */
  readonly backupFolder: string
  /** Of the program. */
  readonly version: string
  /** Where the built page lies. Absent: there is none. */
  readonly pageFolder?: string
  /** `/metrics` without a token. */
  readonly areMetricsOpen?: boolean
  readonly limits?: Partial<ApiLimits>
  /** VMs can be moved though no setting names a libvirt: by a platform that the server was started with. Absent: they can't. */
  readonly hasMover?: boolean
}
