import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseVmId } from '../../terms/ids.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import { SECOND_MS } from '../../terms/units.ts'
import { aVector } from '../../world/site-store-parts.contract.ts'
import { CHANNEL_NAME } from '../server/channels.ts'
import { AgentDesk, Agents, tellAgents } from './agents.ts'
import { EVENING, withAgents } from './scenario.ts'
import { whyNoAgents } from './stage.ts'

const VM1 = parseVmId('vm1')

/** As an agent says it. */
function line(vm: string, sequence: number): string {
  return encodePersonality({ ...aVector({ sequence }), vmId: parseVmId(vm) })
}

test('of each guest the newest vector is kept, and none that speaks for another', async () => {
  const desk = new AgentDesk()
  const { outcomes } = await desk.take(VM1, [line('vm1', 1), line('vm2', 2), 'hello', line('vm1', 3)])
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['accepted', 'refused', 'refused', 'accepted'],
  )
  assert.equal(desk.heard('vm1', 0)?.sequence, 3)
  assert.equal(desk.heard('vm2', 0), undefined)
  assert.equal(desk.heard('vm1', Date.now() + 1000), undefined, 'what was told before the question is no answer to it')
})

test('guests are heard over the channels that their hosts keep, and one that stays silent is waited for no longer than said', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-agents-'))
  context.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'domain-1-vm1'))
  const heard: string[] = []
  const guest = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      heard.push(...String(bytes).trim().split('\n'))
      if (heard.length === 1) socket.write(`${line('vm1', 4)}\n`)
    })
    socket.write('{"hello":1}\n')
  })
  guest.listen(join(folder, 'domain-1-vm1', CHANNEL_NAME))
  await once(guest, 'listening')
  const agents = Agents.listen([folder])
  const vectors = await agents.ask(EVENING.guests.slice(0, 2), 3 * SECOND_MS, new AbortController().signal)
  await agents.close()
  guest.close()
  assert.deepEqual(
    vectors.map(({ vmId, sequence }) => [vmId, sequence]),
    [['vm1', 4]],
  )
  assert.match(heard[0], /welcome/)
  assert.match(heard[1], /ack/)
})

test('what agents told is a line a guest: what is absent is left out, and who was silent is named', () => {
  const numbers = { cpuRefCoresMean: 0.1512, cpuUserShare: 0.7, memoryUsedBytes: 147 * 2 ** 20, phase: 7 }
  const lines = tellAgents(EVENING.guests.slice(0, 2), [{ ...aVector({ numbers }), vmId: VM1 }]).split('\n')
  assert.match(lines[1], /^ {2}vm1 \(news\) +0\.15 cores, 70 % of it in user mode, 147 MiB in use, compute$/)
  assert.match(lines[2], /^ {2}vm2 \(films\) +told nothing in time$/)
})

test('guests with agents have room for them, and hosts still hold as much memory each', () => {
  const { guests } = withAgents(EVENING)
  const perHost = EVENING.hosts.map((_, h) =>
    guests.filter(({ home }) => home === h).reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
  )
  assert.deepEqual(perHost, [3 * 448, 3 * 448, 3 * 448])
})

test('where the agent is not built, it is said how to build it', () => {
  assert.equal(
    whyNoAgents(() => true),
    undefined,
  )
  assert.match(whyNoAgents(() => false) ?? '', /node tools\/build-agent\.ts/)
})
