/** Which lines a server has taken for good, by what it answered. Pure. */

/** Who made a line, and its number. */
export interface LineKey {
  readonly sender: string
  readonly sequence: number
}

export interface Acknowledgement {
  /** Newest number that is durable, by sender. */
  readonly acks: ReadonlyMap<string, number>
  /** Places in the batch of lines that will never be taken. */
  readonly refused: ReadonlySet<number>
}

/** Bounds of a batch (decision 0009): 100 lines, and 64 KiB with line ends. */
export const BATCH_BOUNDS = { lines: 100, bytes: 64 * 1024 } as const

/** How many lines from the first on are settled: taken, or refused for good. What a server did not name is kept. */
export function settledPrefix(lines: readonly string[], { acks, refused }: Acknowledgement): number {
  const left = lines.findIndex((line, place) => {
    if (refused.has(place)) return false
    const key = lineKey(line)
    return key === undefined || key.sequence > (acks.get(key.sender) ?? -1)
  })
  return left < 0 ? lines.length : left
}

/** Sender and number of a vector's line, without reading all of it; undefined if it has none. */
export function lineKey(line: string): LineKey | undefined {
  const sender = textAfter(line, '"sender":"', '"')
  const sequence = textAfter(line, '"seq":', ',')
  return sender === undefined || sequence === undefined || !/^\d{1,10}$/.test(sequence)
    ? undefined
    : { sender, sequence: Number(sequence) }
}

function textAfter(line: string, mark: string, end: string): string | undefined {
  const from = line.indexOf(mark)
  if (from < 0) return undefined
  const to = line.indexOf(end, from + mark.length)
  return to < 0 ? undefined : line.slice(from + mark.length, to)
}
