/** Procedures that ask a host about itself, and those that open and close. Layouts: remote_protocol.x of libvirt 9.0. */
import { array, COUNT, INT, NOTHING, optional, STRING, struct, TRUTH, UNSIGNED } from './codec.ts'
import { UUID } from './domain.ts'
import { AUTH_TYPES_MAX, BASELINE_CPUS_MAX, NAMED_MAX, NODE_CPU_STATS_MAX, NODE_MEMORY_STATS_MAX } from './limits.ts'
import { procedure } from './procedure.ts'
import type { XdrReader, XdrWriter } from './xdr.ts'

/** A counter by libvirt's name. */
export interface NodeStat {
  readonly field: string
  readonly value: number
}

/** What a host's hardware is, as virNodeInfo tells it. */
export interface NodeInfo {
  readonly model: string
  readonly memoryKib: number
  readonly cpus: number
  /** 0 where the host does not know. */
  readonly mhz: number
  readonly numaNodes: number
  readonly socketsPerNode: number
  readonly coresPerSocket: number
  readonly threadsPerCore: number
}

/** A storage pool or a network, as the protocol names both. */
export interface Named {
  readonly name: string
  readonly uuid: string
}

/** A CPU of which a host is asked: by emulator, architecture, machine and kind of virtualisation, each the host's own choice where absent. */
export interface CpuOf {
  readonly emulator: string | undefined
  readonly architecture: string | undefined
  readonly machine: string | undefined
  readonly virtualisation: string | undefined
}

const CPU_OF = {
  emulator: optional(STRING),
  architecture: optional(STRING),
  machine: optional(STRING),
  virtualisation: optional(STRING),
}
const MODEL_CHARS = 32
const NAMED = struct<Named>({ name: STRING, uuid: UUID })
const LIST_OF = struct<{ readonly needResults: number; readonly flags: number }>({ needResults: INT, flags: UNSIGNED })
const LISTED = struct<{ readonly list: readonly Named[]; readonly count: number }>({
  list: array(NAMED, NAMED_MAX),
  count: UNSIGNED,
})
const STAT = struct<NodeStat>({ field: STRING, value: COUNT })

/** A C string in 32 chars, each of which takes four bytes on the wire. */
const MODEL = {
  write: (writer: XdrWriter, value: string) => {
    const bytes = Buffer.alloc(MODEL_CHARS)
    bytes.write(value, 0, MODEL_CHARS - 1)
    for (const byte of bytes) writer.int(byte)
  },
  read: (reader: XdrReader) => {
    const bytes = Buffer.alloc(MODEL_CHARS)
    for (let i = 0; i < MODEL_CHARS; i++) bytes[i] = reader.int() & 0xff
    const end = bytes.indexOf(0)
    return bytes.toString('utf8', 0, end < 0 ? MODEL_CHARS : end)
  },
}

export const HOST_PROCEDURES = {
  authList: procedure(
    'AUTH_LIST',
    66,
    NOTHING,
    struct<{ readonly types: readonly number[] }>({ types: array(INT, AUTH_TYPES_MAX) }),
  ),
  authPolkit: procedure('AUTH_POLKIT', 70, NOTHING, struct<{ readonly isComplete: boolean }>({ isComplete: TRUTH })),
  open: procedure(
    'CONNECT_OPEN',
    1,
    struct<{ readonly name: string | undefined; readonly flags: number }>({ name: optional(STRING), flags: UNSIGNED }),
    NOTHING,
  ),
  close: procedure('CONNECT_CLOSE', 2, NOTHING, NOTHING),
  supportsFeature: procedure('CONNECT_SUPPORTS_FEATURE', 60, INT, TRUTH),
  version: procedure('CONNECT_GET_VERSION', 4, NOTHING, COUNT),
  libraryVersion: procedure('CONNECT_GET_LIB_VERSION', 157, NOTHING, COUNT),
  hostname: procedure('CONNECT_GET_HOSTNAME', 59, NOTHING, STRING),
  uri: procedure('CONNECT_GET_URI', 110, NOTHING, STRING),
  capabilities: procedure('CONNECT_GET_CAPABILITIES', 7, NOTHING, STRING),
  domainCapabilities: procedure(
    'CONNECT_GET_DOMAIN_CAPABILITIES',
    342,
    struct<CpuOf & { readonly flags: number }>({ ...CPU_OF, flags: UNSIGNED }),
    STRING,
  ),
  nodeInfo: procedure(
    'NODE_GET_INFO',
    6,
    NOTHING,
    struct<NodeInfo>({
      model: MODEL,
      memoryKib: COUNT,
      cpus: INT,
      mhz: INT,
      numaNodes: INT,
      socketsPerNode: INT,
      coresPerSocket: INT,
      threadsPerCore: INT,
    }),
  ),
  nodeCpuStats: procedure(
    'NODE_GET_CPU_STATS',
    227,
    struct<{ readonly cpu: number; readonly count: number; readonly flags: number }>({
      cpu: INT,
      count: INT,
      flags: UNSIGNED,
    }),
    struct<{ readonly stats: readonly NodeStat[]; readonly count: number }>({
      stats: array(STAT, NODE_CPU_STATS_MAX),
      count: INT,
    }),
  ),
  nodeMemoryStats: procedure(
    'NODE_GET_MEMORY_STATS',
    228,
    struct<{ readonly count: number; readonly cell: number; readonly flags: number }>({
      count: INT,
      cell: INT,
      flags: UNSIGNED,
    }),
    struct<{ readonly stats: readonly NodeStat[]; readonly count: number }>({
      stats: array(STAT, NODE_MEMORY_STATS_MAX),
      count: INT,
    }),
  ),
  listPools: procedure('CONNECT_LIST_ALL_STORAGE_POOLS', 281, LIST_OF, LISTED),
  listNetworks: procedure('CONNECT_LIST_ALL_NETWORKS', 283, LIST_OF, LISTED),
  poolXml: procedure(
    'STORAGE_POOL_GET_XML_DESC',
    88,
    struct<{ readonly pool: Named; readonly flags: number }>({ pool: NAMED, flags: UNSIGNED }),
    STRING,
  ),
  compareCpu: procedure(
    'CONNECT_COMPARE_CPU',
    158,
    struct<{ readonly xml: string; readonly flags: number }>({ xml: STRING, flags: UNSIGNED }),
    INT,
  ),
  baselineCpu: procedure(
    'CONNECT_BASELINE_CPU',
    162,
    struct<{ readonly cpus: readonly string[]; readonly flags: number }>({
      cpus: array(STRING, BASELINE_CPUS_MAX),
      flags: UNSIGNED,
    }),
    STRING,
  ),
  compareHypervisorCpu: procedure(
    'CONNECT_COMPARE_HYPERVISOR_CPU',
    393,
    struct<CpuOf & { readonly xml: string; readonly flags: number }>({ ...CPU_OF, xml: STRING, flags: UNSIGNED }),
    INT,
  ),
  baselineHypervisorCpu: procedure(
    'CONNECT_BASELINE_HYPERVISOR_CPU',
    394,
    struct<CpuOf & { readonly cpus: readonly string[]; readonly flags: number }>({
      ...CPU_OF,
      cpus: array(STRING, BASELINE_CPUS_MAX),
      flags: UNSIGNED,
    }),
    STRING,
  ),
} as const
