import { StoreError } from '../world/errors.ts'
import type { Store } from '../world/store.ts'

/** Keeps lines for as long as the process lives. */
export class MemoryStore implements Store {
  private readonly kept: string[] = []
  private isClosed = false

  async append(line: string): Promise<void> {
    if (this.isClosed) throw new StoreError('closed', 'The store was closed: nothing can be appended any more.')
    if (line === '' || /[\r\n]/.test(line) || !line.isWellFormed())
      throw new StoreError('invalid', 'A line must hold something, no line break and only whole characters.')
    this.kept.push(line)
  }

  async *lines(): AsyncGenerator<string> {
    if (this.isClosed) throw new StoreError('closed', 'The store was closed: nothing can be read any more.')
    yield* this.kept.slice()
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}
