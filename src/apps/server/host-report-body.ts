/** A host's report as it comes over the network: bounded, every number finite and within what a machine can be. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { HostReport } from '../../terms/host-report.ts'
import type { HostId } from '../../terms/ids.ts'
import { ParseError, parseJson } from '../../terms/parse.ts'
import { DAY_MS, MiB, SECOND_MS } from '../../terms/units.ts'
import { REPORT_VMS_MAX } from './reporter-run.ts'

/** Of a report that was sent packed, once it is unpacked: 6000 VMs with every number in full are 4 MB. */
const UNPACKED_BYTES_MAX = 8 * MiB
const gunzipped = promisify(gunzip)
const PLACE = 'report'
/** An exabyte, or as many bytes a second: more than any machine has or moves. */
const AMOUNT_MAX = 1e18
const CORES_MAX = 1e6
/** The year 5138. */
const INSTANT_MAX = 99_999_999_999_999

const closed = { additionalProperties: false } as const
const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,64}$' })
const Amount = Type.Number({ minimum: 0, maximum: AMOUNT_MAX })
const Cores = Type.Number({ minimum: 0, maximum: CORES_MAX, description: 'reference cores' })
const Usage = Type.Partial(
  Type.Object(
    { cpu: Cores, memory: Amount, diskRead: Amount, diskWrite: Amount, netReceive: Amount, netSend: Amount },
    closed,
  ),
)
const ReportedVm = Type.Object(
  {
    vm: Type.Object(
      {
        id: Id,
        vcpus: Type.Integer({ minimum: 1, maximum: 4096 }),
        refCoresPerVcpu: Type.Number({ minimum: 1e-6, maximum: 1e6 }),
        memoryBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
        antiAffinityGroup: Type.Optional(Type.String({ maxLength: 64 })),
        isPinned: Type.Optional(Type.Boolean()),
        cpuFlags: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1000 })),
        isHostPassthrough: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    state: Type.Union([Type.Literal('running'), Type.Literal('paused'), Type.Literal('incoming')]),
    mean: Usage,
    max: Usage,
    leavingTo: Type.Optional(Id),
  },
  closed,
)

/** Body of `POST /v1/hosts/{id}/reports`. */
export const HostReportBody = Type.Object(
  {
    hostId: Id,
    windowEnd: Type.Number({ minimum: 0, maximum: INSTANT_MAX, description: 'milliseconds since 1970, by the host' }),
    windowMs: Type.Number({ minimum: SECOND_MS, maximum: DAY_MS }),
    state: Type.Union([Type.Literal('on'), Type.Literal('maintenance')]),
    cpuRefCoresMean: Type.Optional(Cores),
    cpuRefCoresMax: Type.Optional(Cores),
    memoryUsedBytes: Type.Optional(Amount),
    watts: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    vms: Type.Array(ReportedVm, { maxItems: REPORT_VMS_MAX }),
  },
  closed,
)
const body = Compile(HostReportBody)

/** Of packed reports one is unpacked at a time: a few kilobytes may stand for all that may be. */
let unpacking: Promise<unknown> = Promise.resolve()

/** Text of a body: as it came, or packed by gzip. Rejects with a `ParseError` for what is neither, or too long. */
export async function textOfReport(sent: unknown): Promise<string> {
  if (!Buffer.isBuffer(sent)) return typeof sent === 'string' ? sent : ''
  const text = unpacking.then(() => unpack(sent))
  unpacking = text.catch(() => undefined)
  return text
}

async function unpack(packed: Buffer): Promise<string> {
  try {
    return (await gunzipped(packed, { maxOutputLength: UNPACKED_BYTES_MAX })).toString('utf8')
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    const most = `at most ${UNPACKED_BYTES_MAX / MiB} MiB once unpacked`
    throw new ParseError(PLACE, `${packed.length} bytes`, isTooLong ? `Expected ${most}.` : 'It is no whole gzip.')
  }
}

/** Reads the report of a host. Throws a `ParseError` that names the first thing that is wrong with it. */
export function readHostReport(text: string, host: HostId): HostReport {
  const value = parseJson(text, PLACE)
  if (!body.Check(value)) throw firstError(value)
  if (value.hostId !== host) throw new ParseError(`${PLACE}.hostId`, value.hostId, `A host reports of itself: ${host}.`)
  const seen = new Set<string>()
  for (const [i, { vm }] of value.vms.entries()) {
    if (seen.has(vm.id)) throw new ParseError(`${PLACE}.vms[${i}].vm.id`, vm.id, 'Each VM is told of once.')
    seen.add(vm.id)
  }
  return value as unknown as HostReport
}

function firstError(value: unknown): ParseError {
  const [error] = body.Errors(value)
  const place = `${PLACE}${(error?.instancePath ?? '').replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')}`
  const message = error?.message === 'schema is false' ? 'is not known here' : (error?.message ?? 'is no report')
  return new ParseError(place, valueAt(value, error?.instancePath ?? ''), `It ${message}.`)
}

function valueAt(value: unknown, path: string): unknown {
  let at: unknown = value
  for (const name of path.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at ?? 'null'
}
