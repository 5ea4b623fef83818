/** A thread of the store: does what it is called to, and answers when that is on disk. What is called while a transaction runs shares the next one. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { openSqliteSite } from '../../drivers/sqlite/site-store.ts'
import { admit } from '../../engine/admission/senders.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { type PackedArrivals, packIntakes, unpackArrivals } from './packed-arrivals.ts'
import { type Call, type FromThread, isTake, sendError, type ThreadOrder, type ToThread } from './store-wire.ts'

const port = parentPort as MessagePort
const order = workerData as ThreadOrder
let site: SiteStore | undefined
const running = new Set<Promise<void>>()

port.on('message', (message: ToThread) => {
  if (message === 'close') {
    void close()
    return
  }
  const answered = answerFor(message).finally(() => running.delete(answered))
  running.add(answered)
})

async function answerFor(call: Call): Promise<void> {
  try {
    // Opened anew where that failed before.
    site ??= openSqliteSite(order.path, { admit })
    const result = await run(site, call)
    answer({ id: call.id, result: isTake(call) ? packIntakes(result as never) : result })
  } catch (error) {
    answer({ id: call.id, error: sendError(error) })
  }
}

function run(opened: SiteStore, call: Call): Promise<unknown> {
  const { id, part, method, args, hasProgress } = call
  const given = isTake(call) ? [unpackArrivals(args[0] as PackedArrivals)] : args
  const progress = hasProgress ? [(share: number) => answer({ id, progress: share })] : []
  const methods = opened[part] as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>
  return methods[method](...given, ...progress)
}

function answer(message: FromThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, and no window
  port.postMessage(message)
}

async function close(): Promise<void> {
  await Promise.all(running)
  await site?.close()
  port.close()
}
