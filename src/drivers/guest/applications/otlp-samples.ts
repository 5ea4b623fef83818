/** One report in both forms of OTLP, and the encoder that wrote it: for tests. */
/** An encoder of our own for tests: a tag byte (field x 8 + wire type), then what it stands for. All fields here are below 16. */
export const message = (field: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(parts)
  const length = []
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length]), body])
}
/** A field of text. */
export const text = (field: number, value: string): Uint8Array => message(field, Buffer.from(value))
/** A number below 128. */
export const small = (field: number, value: number): Uint8Array => Uint8Array.of(field * 8, value)
/** A double. */
export const double = (field: number, value: number): Uint8Array => {
  const bytes = Buffer.alloc(9)
  bytes[0] = field * 8 + 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}
/** A 64-bit number. */
export const fixed = (field: number, value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(9)
  bytes[0] = field * 8 + 1
  bytes.writeBigInt64LE(value, 1)
  return bytes
}
/** A key with a text. */
export const attribute = (field: number, key: string, value: string): Uint8Array =>
  message(field, text(1, key), message(2, text(1, value)))

/** When the service of the samples began. */
export const START = 1_700_000_000_000
/** Milliseconds as nanoseconds. */
export const nano = (ms: number): bigint => BigInt(ms) * 1_000_000n

/** The same in both forms: a service with a histogram of 50 GETs that took 2.5 s, a total, a level, an exponential histogram, a summary. */
export const PROTOBUF = message(
  1,
  message(
    2,
    text(3, 'a schema that nobody reads'),
    message(
      2,
      // The data stand before the name: order is free.
      message(
        9,
        small(2, 2),
        message(
          1,
          attribute(9, 'http.request.method', 'GET'),
          fixed(2, nano(START)),
          fixed(3, nano(START + 60_000)),
          fixed(4, 50n),
          double(5, 2.5),
          message(6, Buffer.alloc(16)),
          message(7, Buffer.alloc(8)),
          double(11, 0.01),
          double(12, 0.2),
        ),
      ),
      text(1, 'http.server.request.duration'),
      text(2, 'a description'),
      text(3, 's'),
    ),
    message(
      2,
      text(1, 'jobs'),
      message(7, small(2, 1), small(3, 1), message(1, fixed(3, nano(START)), fixed(6, -3n), small(8, 0))),
    ),
    message(
      2,
      text(1, 'load'),
      message(5, message(1, attribute(7, 'cpu', '0'), double(4, 0.75)), message(1, small(8, 1))),
    ),
    message(
      2,
      text(1, 'rpc'),
      message(
        10,
        small(2, 1),
        message(1, attribute(1, 'a', 'b'), fixed(4, 7n), double(5, 1.5), message(8, small(1, 3))),
      ),
    ),
    message(2, text(1, 'old'), message(11, message(1, attribute(7, 'c', 'd'), fixed(4, 9n), double(5, 4)))),
  ),
  message(1, attribute(1, 'service.name', 'shop'), attribute(1, 'service.instance.id', 'shop-1')),
)
/** A key with a text, in JSON. */
export const pair = (key: string, stringValue: string) => ({ key, value: { stringValue } })
/** The same as `PROTOBUF`, in JSON. */
export const JSON_TEXT = JSON.stringify({
  resourceMetrics: [
    {
      resource: { attributes: [pair('service.name', 'shop'), pair('service.instance.id', 'shop-1')] },
      scopeMetrics: [
        {
          scope: { name: 'any' },
          metrics: [
            {
              name: 'http.server.request.duration',
              unit: 's',
              histogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    attributes: [pair('http.request.method', 'GET')],
                    startTimeUnixNano: `${nano(START)}`,
                    timeUnixNano: `${nano(START + 60_000)}`,
                    count: '50',
                    sum: 2.5,
                    bucketCounts: ['50'],
                    explicitBounds: [],
                  },
                ],
              },
            },
            {
              name: 'jobs',
              sum: {
                aggregationTemporality: 1,
                isMonotonic: true,
                dataPoints: [{ timeUnixNano: `${nano(START)}`, asInt: '-3' }],
              },
            },
            { name: 'load', gauge: { dataPoints: [{ attributes: [pair('cpu', '0')], asDouble: 0.75 }, { flags: 1 }] } },
            {
              name: 'rpc',
              exponentialHistogram: {
                aggregationTemporality: 1,
                dataPoints: [{ attributes: [pair('a', 'b')], count: 7, sum: 1.5 }],
              },
            },
            { name: 'old', summary: { dataPoints: [{ attributes: [pair('c', 'd')], count: '9', sum: 4 }] } },
          ],
        },
      ],
    },
  ],
})
