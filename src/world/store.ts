/** What we ask of durable memory. The journal is its append-only part. Rejects only with a `StoreError`. */
export interface Store {
  /** Returns once the line is durable: record before act. A line holds no line break and is not empty. */
  append(line: string): Promise<void>
  /** All lines in the order they were appended. */
  lines(): AsyncIterable<string>
  close(): Promise<void>
}
