/** Procedures that look at domains, and those that tell of them by themselves. Layouts: remote_protocol.x of libvirt 9.0. */
import { array, checked, COUNT, INT, NOTHING, optional, STRING, struct, UNSIGNED, UNSIGNED_HYPER } from './codec.ts'
import { DOMAIN, type Domain, domains, UUID } from './domain.ts'
import { DOMAINS_MAX, JOB_STATS_MAX, STATS_PER_DOMAIN_MAX } from './limits.ts'
import { procedure } from './procedure.ts'
import { TYPED_PARAMETER, type TypedParameter } from './typed-parameters.ts'

/** virDomainInfo. */
export interface DomainInfo {
  /** virDomainState. */
  readonly state: number
  readonly memoryMaxKib: number
  readonly memoryKib: number
  readonly cpus: number
  readonly cpuTimeNs: bigint
}

/** virDomainState and the reason of that state, whose numbers depend on the state. */
export interface DomainState {
  readonly state: number
  readonly reason: number
}

/** Statistics of one domain by libvirt's names (virConnectGetAllDomainStats). */
export interface DomainStatsRecord {
  readonly domain: Domain
  readonly parameters: readonly TypedParameter[]
}

/** virDomainJobInfo, the older way of telling a job's progress. */
export interface JobInfo {
  /** virDomainJobType. */
  readonly type: number
  readonly elapsedMs: number
  readonly remainingMs: number
  readonly dataTotalBytes: number
  readonly dataProcessedBytes: number
  readonly dataRemainingBytes: number
  readonly memoryTotalBytes: number
  readonly memoryProcessedBytes: number
  readonly memoryRemainingBytes: number
  readonly fileTotalBytes: number
  readonly fileProcessedBytes: number
  readonly fileRemainingBytes: number
}

/** Job figures by libvirt's names: what virDomainGetJobStats tells, and the event of a job's end. */
export interface JobStats {
  /** virDomainJobType: 0 none, 1 and 2 under way, 3 completed, 4 failed, 5 cancelled. */
  readonly type: number
  readonly parameters: readonly TypedParameter[]
}

/** Allocation and size of a disk, in bytes. */
export interface BlockInfo {
  readonly allocationBytes: number
  readonly capacityBytes: number
  readonly physicalBytes: number
}

interface DomainAndFlags {
  readonly domain: Domain
  readonly flags: number
}

const DOMAIN_AND_FLAGS = struct<DomainAndFlags>({ domain: DOMAIN, flags: UNSIGNED })

export const DOMAIN_PROCEDURES = {
  listAll: procedure(
    'CONNECT_LIST_ALL_DOMAINS',
    273,
    struct<{ readonly needResults: number; readonly flags: number }>({ needResults: INT, flags: UNSIGNED }),
    struct<{ readonly domains: readonly Domain[]; readonly count: number }>({
      domains: domains(DOMAINS_MAX),
      count: UNSIGNED,
    }),
  ),
  lookupByUuid: procedure('DOMAIN_LOOKUP_BY_UUID', 24, UUID, DOMAIN),
  lookupByName: procedure('DOMAIN_LOOKUP_BY_NAME', 23, STRING, DOMAIN),
  xml: procedure(
    'DOMAIN_GET_XML_DESC',
    14,
    // 1 is "secure", and 8, "migratable", implies it.
    checked(DOMAIN_AND_FLAGS, ({ flags }) => ((flags & ~2) === 0 ? undefined : `Flags ${flags} would bring secrets.`)),
    STRING,
  ),
  state: procedure('DOMAIN_GET_STATE', 212, DOMAIN_AND_FLAGS, struct<DomainState>({ state: INT, reason: INT })),
  info: procedure(
    'DOMAIN_GET_INFO',
    16,
    DOMAIN,
    struct<DomainInfo>({
      state: UNSIGNED,
      memoryMaxKib: COUNT,
      memoryKib: COUNT,
      cpus: UNSIGNED,
      cpuTimeNs: UNSIGNED_HYPER,
    }),
  ),
  metadata: procedure(
    'DOMAIN_GET_METADATA',
    265,
    struct<{
      readonly domain: Domain
      readonly type: number
      readonly uri: string | undefined
      readonly flags: number
    }>({
      domain: DOMAIN,
      type: INT,
      uri: optional(STRING),
      flags: UNSIGNED,
    }),
    STRING,
  ),
  blockInfo: procedure(
    'DOMAIN_GET_BLOCK_INFO',
    194,
    struct<{ readonly domain: Domain; readonly path: string; readonly flags: number }>({
      domain: DOMAIN,
      path: STRING,
      flags: UNSIGNED,
    }),
    struct<BlockInfo>({ allocationBytes: COUNT, capacityBytes: COUNT, physicalBytes: COUNT }),
  ),
  allStats: procedure(
    'CONNECT_GET_ALL_DOMAIN_STATS',
    344,
    struct<{ readonly domains: readonly Domain[]; readonly stats: number; readonly flags: number }>({
      domains: domains(DOMAINS_MAX),
      stats: UNSIGNED,
      flags: UNSIGNED,
    }),
    array(
      struct<DomainStatsRecord>({ domain: DOMAIN, parameters: array(TYPED_PARAMETER, STATS_PER_DOMAIN_MAX) }),
      DOMAINS_MAX,
    ),
  ),
  jobInfo: procedure(
    'DOMAIN_GET_JOB_INFO',
    163,
    DOMAIN,
    struct<JobInfo>({
      type: INT,
      elapsedMs: COUNT,
      remainingMs: COUNT,
      dataTotalBytes: COUNT,
      dataProcessedBytes: COUNT,
      dataRemainingBytes: COUNT,
      memoryTotalBytes: COUNT,
      memoryProcessedBytes: COUNT,
      memoryRemainingBytes: COUNT,
      fileTotalBytes: COUNT,
      fileProcessedBytes: COUNT,
      fileRemainingBytes: COUNT,
    }),
  ),
  jobStats: procedure(
    'DOMAIN_GET_JOB_STATS',
    298,
    DOMAIN_AND_FLAGS,
    struct<JobStats>({ type: INT, parameters: array(TYPED_PARAMETER, JOB_STATS_MAX) }),
  ),
  registerEvent: procedure(
    'CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY',
    316,
    struct<{ readonly eventId: number; readonly domain: Domain | undefined }>({
      eventId: INT,
      domain: optional(DOMAIN),
    }),
    INT,
  ),
  deregisterEvent: procedure('CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY', 317, INT, NOTHING),
} as const
