/** Kills a process that writes into a store, at random instants, and looks for what it had acknowledged. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { admit } from '../../src/engine/admission/senders.ts'
import { openSqliteSite } from '../../src/drivers/sqlite/site-store.ts'
import type { Luck } from '../../src/terms/luck.ts'
import { REPOSITORY } from '../repository.ts'
import { countSteps, letLoadIn, LOAD_VMS } from './store-load.ts'

const VICTIM = join(REPOSITORY, 'tools', 'server', 'store-victim.ts')
/** Longest time under load before a kill. */
const LOAD_MS_MAX = 250

export interface StoreKills {
  readonly kills: number
  readonly vectorsAcknowledged: number
  readonly linesAcknowledged: number
  /** Written, and killed before it was said. */
  readonly stepsUnacknowledged: number
  readonly reopenMsMax: number
}

/** Throws where something that was acknowledged is missing, or where the store is not whole. */
export async function killStore(luck: Luck, kills: number): Promise<StoreKills> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-kills-'))
  const path = join(folder, 'agents.sqlite')
  const fresh = openSqliteSite(path, { admit })
  await letLoadIn(fresh)
  await fresh.close()
  let steps = 0
  let unacknowledged = 0
  let reopenMsMax = 0
  try {
    for (let kill = 0; kill < kills; kill++) {
      const acknowledged = await loadUntilKilled(path, steps, luck.below(LOAD_MS_MAX))
      const begun = performance.now()
      const store = openSqliteSite(path, { admit })
      await store.upkeep.schemaVersion()
      reopenMsMax = Math.max(reopenMsMax, performance.now() - begun)
      const held = await countSteps(store)
      assert.ok(held >= acknowledged, `kill ${kill}: step ${acknowledged - 1} was acknowledged, and ${held} are there`)
      assert.deepEqual(await store.upkeep.check(), [], `kill ${kill}`)
      await store.close()
      unacknowledged += held - acknowledged
      steps = held
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return {
    kills,
    vectorsAcknowledged: (steps - unacknowledged) * LOAD_VMS,
    linesAcknowledged: steps - unacknowledged,
    stepsUnacknowledged: unacknowledged,
    reopenMsMax: Math.round(reopenMsMax),
  }
}

/** Returns how many steps were acknowledged in all. */
async function loadUntilKilled(path: string, first: number, forMs: number): Promise<number> {
  const child = spawn(process.execPath, [VICTIM, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (part: Buffer) => {
    said += part.toString()
  })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  await sleep(forMs)
  child.kill('SIGKILL')
  const [, signal] = (await closed) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', said)
  const whole = said.slice(0, said.lastIndexOf('\n')).split('\n')
  return Number(whole.at(-1)) + 1
}
