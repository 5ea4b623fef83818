/** Procedures that move a VM, or set how a move goes. There is none here that starts, stops, pauses, resumes, resets or undefines one.
 *  Layouts: remote_protocol.x of libvirt 9.0. */
import { array, checked, COUNT, INT, NOTHING, opaque, optional, STRING, struct, UNSIGNED } from './codec.ts'
import { DOMAIN, type Domain } from './domain.ts'
import { MIGRATION_COOKIE_BYTES_MAX, MIGRATION_PARAMETERS_MAX } from './limits.ts'
import { complaintAbout } from './migration.ts'
import { procedure } from './procedure.ts'
import { SENT_PARAMETER, type SentParameter } from './typed-parameters.ts'

interface PerformArgs {
  readonly domain: Domain
  readonly destinationUri: string | undefined
  readonly parameters: readonly SentParameter[]
  readonly cookie: Uint8Array
  readonly flags: number
}

const DOMAIN_AND_FLAGS = struct<{ readonly domain: Domain; readonly flags: number }>({
  domain: DOMAIN,
  flags: UNSIGNED,
})

export const MIGRATION_PROCEDURES = {
  /** With the flag for peer to peer, one call to the source does it all: the source's daemon talks to the destination's. */
  perform: procedure(
    'DOMAIN_MIGRATE_PERFORM3_PARAMS',
    305,
    checked(
      struct<PerformArgs>({
        domain: DOMAIN,
        destinationUri: optional(STRING),
        parameters: array(SENT_PARAMETER, MIGRATION_PARAMETERS_MAX),
        cookie: opaque(MIGRATION_COOKIE_BYTES_MAX),
        flags: UNSIGNED,
      }),
      complaintAbout,
    ),
    opaque(MIGRATION_COOKIE_BYTES_MAX),
  ),
  abortJob: procedure('DOMAIN_ABORT_JOB', 164, DOMAIN, NOTHING),
  setMaxDowntime: procedure(
    'DOMAIN_MIGRATE_SET_MAX_DOWNTIME',
    166,
    struct<{ readonly domain: Domain; readonly downtimeMs: number; readonly flags: number }>({
      domain: DOMAIN,
      downtimeMs: COUNT,
      flags: UNSIGNED,
    }),
    NOTHING,
  ),
  maxDowntime: procedure('DOMAIN_MIGRATE_GET_MAX_DOWNTIME', 387, DOMAIN_AND_FLAGS, COUNT),
  setMaxSpeed: procedure(
    'DOMAIN_MIGRATE_SET_MAX_SPEED',
    207,
    struct<{ readonly domain: Domain; readonly mibPerSec: number; readonly flags: number }>({
      domain: DOMAIN,
      mibPerSec: COUNT,
      flags: UNSIGNED,
    }),
    NOTHING,
  ),
  maxSpeed: procedure('DOMAIN_MIGRATE_GET_MAX_SPEED', 242, DOMAIN_AND_FLAGS, COUNT),
  startDirtyRate: procedure(
    'DOMAIN_START_DIRTY_RATE_CALC',
    427,
    checked(
      struct<{ readonly domain: Domain; readonly seconds: number; readonly flags: number }>({
        domain: DOMAIN,
        seconds: INT,
        flags: UNSIGNED,
      }),
      // 0 is page sampling: the others crash a QEMU without KVM.
      ({ flags }) => (flags === 0 ? undefined : `The dirty rate is measured by sampling pages, not by flags ${flags}.`),
    ),
    NOTHING,
  ),
} as const

/** Apart, because it can cost a VM: once begun, the loss of either host or of the network between them loses the guest. A connection sends it only if it
 *  was opened for that. */
export const POST_COPY_PROCEDURES = {
  start: procedure('DOMAIN_MIGRATE_START_POST_COPY', 364, DOMAIN_AND_FLAGS, NOTHING),
} as const
