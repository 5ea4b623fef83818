/** Numbers of libvirt's RPC protocol that are not procedures: programs, and the limits both sides hold. From virnetprotocol.x, virkeepaliveprotocol.x
 *  and remote_protocol.x of libvirt 9.0; they have only ever grown. */

/** The program that carries the calls, and the only version of it there has been. */
export const REMOTE_PROGRAM = 0x20008086
export const REMOTE_VERSION = 1

/** Pings, on the same connection. */
export const KEEPALIVE_PROGRAM = 0x6b656570
export const KEEPALIVE_VERSION = 1

/** Length word: it counts itself. */
export const LENGTH_BYTES = 4
export const HEADER_BYTES = 24
/** Header and payload, without the length word: 32 MiB. */
export const MESSAGE_BYTES_MAX = 33_554_432

export const STRING_BYTES_MAX = 4_194_304
export const UUID_BYTES = 16
export const DOMAINS_MAX = 16_384
export const STATS_PER_DOMAIN_MAX = 262_144
export const MIGRATION_PARAMETERS_MAX = 64
export const MIGRATION_COOKIE_BYTES_MAX = 4_194_304
export const JOB_STATS_MAX = 64
export const NODE_CPU_STATS_MAX = 16
export const NODE_MEMORY_STATS_MAX = 16
export const BASELINE_CPUS_MAX = 256
/** Storage pools and networks of a host, each. */
export const NAMED_MAX = 16_384
export const AUTH_TYPES_MAX = 20
/** VIR_TYPED_PARAM_FIELD_LENGTH less the final zero. */
export const FIELD_NAME_BYTES_MAX = 79

/** Ports of libvirtd where a URI names none. */
export const TLS_PORT = 16_514
export const TCP_PORT = 16_509
