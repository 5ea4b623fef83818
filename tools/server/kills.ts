/** Kills the server at random instants under load, and looks for what it had acknowledged. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { aLine, Bench, type Identity, linesOf } from '../../src/apps/server/builders.ts'
import type { Luck } from '../../src/terms/luck.ts'
import { REPOSITORY } from '../repository.ts'

export interface KillCounts {
  readonly kills: number
  readonly acknowledged: number
  /** Kept, and the answer was lost with the process: sent again they would be duplicates. */
  readonly keptUnacknowledged: number
}

const VMS = 12
const LINES = 5
/** Longest time under load before a kill. */
const LOAD_MS_MAX = 400
const START_MS_MAX = 30_000

interface Guest {
  readonly identity: Identity
  readonly acknowledged: Set<string>
  next: number
}

/** Each round: start, let guests report, kill, open what is left. Throws where something acknowledged is missing. */
export async function killServer(luck: Luck, kills: number): Promise<KillCounts> {
  const bench = new Bench({ daysAgo: 0 })
  await bench.start()
  await bench.stop()
  let acknowledged = 0
  let keptUnacknowledged = 0
  for (let kill = 0; kill < kills; kill++) {
    const { child, port } = await startProcess(bench.data)
    await bench.attach(port)
    const guests: Guest[] = []
    for (let i = 0; i < VMS; i++) {
      const identity = await bench.member(`vm-${kill}-${i}`)
      guests.push({ identity, acknowledged: new Set(), next: 0 })
    }
    const load = Promise.all(guests.map((guest) => report(bench, guest)))
    // On a machine with other work the first answer may take longer than all of the load.
    await until(() => guests.some((guest) => guest.acknowledged.size > 0))
    await sleep(luck.below(LOAD_MS_MAX))
    child.kill('SIGKILL')
    await load
    await bench.stop()
    const { store } = await bench.start()
    const damages = (await store.upkeep.check()).filter(({ severity }) => severity === 'damage')
    assert.deepEqual(damages, [], `kill ${kill}: the file is damaged`)
    for (const guest of guests) {
      const kept = new Set(await linesOf(store, guest.identity.vm))
      for (const line of guest.acknowledged) assert.ok(kept.has(line), `kill ${kill}: an acknowledged vector is gone`)
      acknowledged += guest.acknowledged.size
      keptUnacknowledged += kept.size - guest.acknowledged.size
    }
    await bench.stop()
  }
  await bench.remove()
  return { kills, acknowledged, keptUnacknowledged }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS_MAX && !holds(); waitedMs += 5) await sleep(5)
}

/** Sends batches until the server is gone. */
async function report(bench: Bench, guest: Guest): Promise<void> {
  const { identity } = guest
  for (;;) {
    const lines = Array.from({ length: LINES }, () => aLine(identity.vm, guest.next++))
    try {
      const { status } = await bench.send(identity, lines)
      if (status !== 200) return
      for (const line of lines) guest.acknowledged.add(line)
    } catch {
      return
    }
  }
}

/** The server as operators start it, on any free port. */
export async function startProcess(
  data: string,
  rest: readonly string[] = [],
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const words = ['server', '--data', data, '--listen', '127.0.0.1:0', '--name', '127.0.0.1', '--json-logs', ...rest]
  const child = spawn(process.execPath, [join(REPOSITORY, 'src/apps/cli/main.ts'), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => {
    said += part.toString()
  })
  const exited = once(child, 'exit')
  for (let waitedMs = 0; waitedMs < START_MS_MAX; waitedMs += 20) {
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
    if (port !== undefined) return { child, port: Number(port) }
    await Promise.race([sleep(20), exited])
  }
  child.kill('SIGKILL')
  throw new Error(`the server did not start: ${said}`)
}
