/** The demo as people meet it: hosts and VMs through the API, turns by the site's clock, and a move of the engine's to its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeLog } from '../server/log.ts'
import { startDemo } from './demo.ts'

/** Turns of the site within which a move has come to its end: four hours. */
const TURNS_MOST = 240
/** Whoever waits longer than this waits in vain, on the busiest machine. */
const PATIENCE_MS = 480_000
/** Between two looks, in ms of the machine's clock. */
const LOOK_MS = 200

interface Move {
  readonly vm: string
  readonly from: string
  readonly to: string
  readonly state: string
  readonly promise?: { readonly totalMs: number }
  readonly figures?: { readonly totalMs?: number; readonly rounds?: number }
}

test('the demo shows hosts, VMs with and without agents, and a move that the engine ordered to its end, with the VM on its new host', {
  timeout: PATIENCE_MS,
}, async (t) => {
  const said: string[] = []
  const log = makeLog('text', (text) => void said.push(text))
  const demo = await startDemo({ host: '127.0.0.1', port: 0, version: '0.0.0-test', log, areMetricsOpen: false })
  t.after(() => demo.close())
  const { port, firstToken } = demo.server
  const fetched = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${firstToken}` } })
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetched(path)
    assert.equal(answer.status, 200, path)
    return (await answer.json()) as T
  }
  const turns = async (): Promise<number> => (await ask<{ turns: number }>('/v1/status')).turns
  const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      assert.ok((await turns()) < TURNS_MOST, `${TURNS_MOST} turns without ${what}: ${said.join('')}`)
      await sleep(LOOK_MS)
    }
  }

  assert.equal((await ask<{ clockSpeed?: number }>('/v1/status')).clockSpeed, 60)
  const { hosts } = await ask<{ hosts: readonly { host: string }[] }>('/v1/hosts?limit=100')
  assert.equal(hosts.length, 12)
  const { vms } = await until('VMs', async () => {
    const told = await ask<{ vms: readonly { vm: string; host?: string }[] }>('/v1/vms?limit=500')
    return told.vms.length === 140 && told.vms.every(({ host }) => host !== undefined) ? told : undefined
  })
  assert.ok(vms.some(({ vm }) => vm === 'web-01'))
  const done = await until('a move that is done', async () => {
    const answer = await fetched('/v1/migrations')
    // Nobody knows of moves before the controller has said anything.
    if (answer.status === 503) return undefined
    const { ended } = (await answer.json()) as { ended: readonly Move[] }
    return ended.find(({ state }) => state === 'done')
  })
  assert.ok((done.promise?.totalMs ?? 0) > 0 && (done.figures?.totalMs ?? 0) > 0 && (done.figures?.rounds ?? 0) > 0)
  await until(`${done.vm} on ${done.to}`, async () => {
    const { host } = await ask<{ host?: string }>(`/v1/vms/${done.vm}`)
    return host === done.to ? true : undefined
  })
  assert.ok((await turns()) > 0)
})
