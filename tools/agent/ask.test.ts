import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'
import { nodeMachine } from '../../src/drivers/guest/node-machine.ts'
import { type RunningServer, startServer } from '../../src/apps/server/server.ts'
import { bunPath } from '../build-agent.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-ask-'))
const servers: RunningServer[] = []
const others: { close(): void }[] = []
const SCRIPT = join(import.meta.dirname, 'ask.ts')

before(async () => {
  for (const name of ['ours', 'strange'])
    servers.push(
      await startServer({
        dataFolder: join(folder, name),
        host: '127.0.0.1',
        port: 0,
        names: ['127.0.0.1'],
        clock: { now: Date.now },
      }),
    )
})

after(async () => {
  for (const server of servers) await server.close()
  for (const server of others) server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function authoritiesOf({ port }: RunningServer): Promise<string> {
  const bounds = { timeoutMs: 10_000, answerBytesMax: 65_536 }
  return (await nodeMachine().network.fetchUnverified(`https://127.0.0.1:${port}/v1/ca`, bounds)).body
}

async function portOf(server: ReturnType<typeof createPlain>): Promise<number> {
  others.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

for (const [engine, program] of [
  ['Node', process.execPath],
  ['Bun', bunPath()],
] as const) {
  test(`on ${engine} nobody is believed but the server whose authority, name and protocol are right`, async () => {
    assert.ok(program !== undefined)
    const [ours, strange] = servers
    const authorities = await authoritiesOf(ours)
    const old = await portOf(createServer({ maxVersion: 'TLSv1.2', ciphers: 'ALL:@SECLEVEL=0' }))
    const plain = await portOf(createPlain((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')))
    const asked = [
      { url: `https://127.0.0.1:${ours.port}/v1/ca`, authorities },
      { url: `https://127.0.0.1:${strange.port}/v1/ca`, authorities },
      { url: `https://localhost:${ours.port}/v1/ca`, authorities },
      { url: `https://127.0.0.1:${ours.port}/v1/ca`, authorities: await authoritiesOf(strange) },
      { url: `https://127.0.0.1:${old}/`, authorities },
      { url: `https://127.0.0.1:${plain}/`, authorities },
      { url: `https://127.0.0.1:${ours.port}/v1/ca`, authorities },
    ]
    const { stdout } = await promisify(execFile)(program, [SCRIPT, JSON.stringify(asked)])
    const outcomes = JSON.parse(stdout) as (number | string)[]
    assert.deepEqual([outcomes[0], outcomes.at(-1)], [200, 200])
    for (const [i, outcome] of outcomes.slice(1, -1).entries())
      assert.equal(typeof outcome, 'string', `${asked[i + 1].url} was believed: ${outcome}`)
    assert.equal(outcomes[2], 'ERR_TLS_CERT_ALTNAME_INVALID')
  })
}
