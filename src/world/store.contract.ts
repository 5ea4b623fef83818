import assert from 'node:assert/strict'
import { StoreError } from './errors.ts'
import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'
import type { Store } from './store.ts'

/** An empty store, and how to open the same one again after it was closed or left behind by a crash. */
export interface StoreSubject extends Disposable {
  readonly store: Store
  readonly reopen: () => Promise<Store>
}

/** What every store must do. */
export function storeContract(name: string, make: () => Promise<StoreSubject>, options: ContractOptions = {}): void {
  registerContract(`${name} is a store`, make, SENTENCES, options)
}

const SENTENCES: Sentences<StoreSubject> = {
  'a new store holds nothing': async ({ store }) => {
    assert.deepEqual(await linesOf(store), [])
  },
  'lines come back in the order they were appended': async ({ store }) => {
    for (const line of ['first', 'second', 'first']) await store.append(line)
    assert.deepEqual(await linesOf(store), ['first', 'second', 'first'])
  },
  'lines appended without waiting keep the order in which they were asked for': async ({ store }) => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`)
    await Promise.all(lines.map((line) => store.append(line)))
    assert.deepEqual(await linesOf(store), lines)
  },
  'what was appended is there after opening the store again': async ({ store, reopen }) => {
    await store.append('kept')
    await store.close()
    const again = await reopen()
    await again.append('later')
    assert.deepEqual(await linesOf(again), ['kept', 'later'])
    await again.close()
  },
  'any characters but line breaks come back as they were, however many': async ({ store }) => {
    const lines = ['{"a":"\\n"}', 'ἦθος · 場所 · 🖥', ' spaced\t', '\u0000', '\u2028\u0085', 'x'.repeat(200_000)]
    for (const line of lines) await store.append(line)
    assert.deepEqual(await linesOf(store), lines)
  },
  'a line that is empty, broken or half a character is refused and leaves no trace': async ({ store }) => {
    for (const line of ['', 'two\nlines', 'carriage\rreturn', '\n', 'half \ud83d']) {
      await assert.rejects(store.append(line), isStoreError('invalid'))
    }
    await store.append('whole')
    assert.deepEqual(await linesOf(store), ['whole'])
  },
  'reading sees the lines that were there when it began': async ({ store }) => {
    await store.append('before')
    const reading = store.lines()[Symbol.asyncIterator]()
    assert.equal((await reading.next()).value, 'before')
    await store.append('after')
    assert.equal((await reading.next()).done, true)
  },
  'a closed store takes and gives nothing': async ({ store }) => {
    await store.append('kept')
    await store.close()
    await assert.rejects(store.append('late'), isStoreError('closed'))
    await assert.rejects(linesOf(store), isStoreError('closed'))
  },
  'closing twice does no harm': async ({ store }) => {
    await store.close()
    await store.close()
  },
}

async function linesOf(store: Store): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const line of store.lines()) lines.push(line)
  return lines
}

function isStoreError(code: StoreError['code']): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code
}
