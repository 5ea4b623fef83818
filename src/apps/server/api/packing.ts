/** Long answers go out packed where the caller takes that. What is ahead of 1,000 hosts is 1.2 MB; where every figure of it were luck a third would be left, in
 *  8 ms of CPU of a thread that is not the main one (`npm run bench -- packing`), and over the site of `npm run bench:page` far less is.
 *
 *  What is packed tells by its length what repeats in it (BREACH). So nothing is packed that holds a secret: answers to `GET` alone, and none of
 *  `/v1/session`, whose CSRF token stands beside a name. Streams of events are not answers, and go out as they are. */
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { KiB } from '../../../terms/units.ts'

/** Best first. */
export const PACKINGS = ['br', 'gzip'] as const
export type Packing = (typeof PACKINGS)[number]

/** Below it packing gains a packet or two. */
export const PACKED_BYTES_MIN = 8 * KiB
/** The least that there is: brotli then takes less than gzip, and leaves less. */
const LEVEL = 1

/** Whether a caller takes a packing, by its `accept-encoding`. What it takes only as anything (`*`) it did not ask for. */
export function takes(packing: Packing, accepted: string): boolean {
  return accepted
    .toLowerCase()
    .split(',')
    .map((word) => word.trim())
    .some((word) => word === packing || (word.startsWith(`${packing};`) && !/;\s*q=0(?:\.0*)?$/.test(word)))
}

/** Packs what routes of this scope answer. No route that answers a secret to a `GET` belongs into it. */
export function addPacking(scope: FastifyInstance): void {
  scope.addHook('onSend', async (request, reply, payload) => {
    if (request.method !== 'GET' || reply.statusCode !== 200 || reply.hasHeader('etag')) return payload
    const bytes = bytesOf(payload)
    if (bytes === undefined) return payload
    void reply.header('vary', 'accept-encoding')
    const accepted = request.headers['accept-encoding'] ?? ''
    const packing = PACKINGS.find((one) => takes(one, accepted))
    if (packing === undefined) return payload
    void reply.header('content-encoding', packing).removeHeader('content-length')
    return pack(bytes, packing)
  })
}

/** Undefined where it is short, or a stream. */
function bytesOf(payload: unknown): Uint8Array | undefined {
  // No character is less than a byte.
  const bytes = typeof payload === 'string' && payload.length * 3 >= PACKED_BYTES_MIN ? Buffer.from(payload) : payload
  return bytes instanceof Uint8Array && bytes.length >= PACKED_BYTES_MIN ? bytes : undefined
}

export function pack(bytes: Uint8Array, packing: Packing): Promise<Buffer> {
  if (packing === 'gzip') return promisify(gzip)(bytes, { level: LEVEL })
  const params = { [constants.BROTLI_PARAM_QUALITY]: LEVEL, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  return promisify(brotliCompress)(bytes, { params })
}
