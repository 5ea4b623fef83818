import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StoreError } from '../world/errors.ts'
import { storeContract } from '../world/store.contract.ts'
import { FileStore } from './file-store.ts'

storeContract('the file store', async () => {
  const directory = await aDirectory()
  const path = join(directory, 'journal.jsonl')
  const store = await FileStore.open(path)
  return {
    store,
    reopen: () => FileStore.open(path),
    dispose: async () => {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
})

test('wherever a crash tears the last line, the lines before it are kept and the loss is told', async () => {
  // "one\n" is bytes 0 to 3 and "two\n" 4 to 7: cut at n, what is whole is 0 below 4, 4 below 8, then all 8.
  const directory = await aDirectory()
  for (let length = 0; length <= 8; length++) {
    const path = join(directory, `torn-at-${length}`)
    await writeFile(path, Buffer.from('one\ntwo\n').subarray(0, length))
    const notices: string[] = []
    const store = await FileStore.open(path, (notice) => notices.push(notice))
    const whole = length < 4 ? 0 : length < 8 ? 4 : 8
    assert.equal(store.tornBytes, length - whole)
    assert.equal(notices.length, length === whole ? 0 : 1)
    await store.append('three')
    await store.close()
    assert.equal(await readFile(path, 'utf8'), `${'one\ntwo\n'.slice(0, whole)}three\n`)
  }
  await rm(directory, { recursive: true })
})

test('a torn line longer than one read is cut off whole', async () => {
  const directory = await aDirectory()
  const path = join(directory, 'journal.jsonl')
  await writeFile(path, 'kept\n')
  await appendFile(path, 'x'.repeat(200_000))
  const store = await FileStore.open(path)
  assert.equal(store.tornBytes, 200_000)
  await store.close()
  assert.equal(await readFile(path, 'utf8'), 'kept\n')
  await rm(directory, { recursive: true })
})

test('a path that cannot be opened is a store error that names it', async () => {
  const directory = await aDirectory()
  const path = join(directory, 'no', 'such', 'journal.jsonl')
  await assert.rejects(
    FileStore.open(path),
    (error) => error instanceof StoreError && error.code === 'io' && error.retryable && error.message.includes(path),
  )
  await rm(directory, { recursive: true })
})

function aDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'ethos-store-'))
}
