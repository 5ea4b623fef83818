/** What the commands say of a server that has no host yet: once, and with what helps. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WallClock } from '../../drivers/wall-clock.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { Reporter } from '../reporter/reporter.ts'
import { createToken } from '../server/join-token.ts'
import { makeLog } from '../server/log.ts'
import { type SiteServer, startSiteServer } from '../server/site-server.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ethos-no-hosts-'))
let server: SiteServer

function ethos(words: readonly string[], input = '') {
  const child = spawn(process.execPath, [MAIN, ...words], { env: { PATH: '', XDG_CONFIG_HOME: folder } })
  let out = ''
  let err = ''
  child.stdout.on('data', (piece) => (out += String(piece)))
  child.stderr.on('data', (piece) => (err += String(piece)))
  child.stdin.end(input)
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

before(async () => {
  server = await startSiteServer({
    dataFolder: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    names: ['localhost'],
    clock: new WallClock(),
    version: '0.0.0-test',
    holder: 'test',
    turnEveryMs: 1000,
  })
  const words = ['login', '--server', `https://localhost:${server.port}`, '--fingerprint', server.authority.pin]
  const { code, err } = await ethos(words, `${server.firstToken}\n`)
  assert.equal(code, 0, err)
  for (;;) {
    const answer = await server.judgement.hostsFor(parseVmId('vm-1', 'test'))
    if (answer.kind === 'unavailable' && answer.reason.startsWith('No host can be ranked')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

after(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const REMEDY = 'Measure each with `ethos bench host --out FILE`, then register it with `ethos hosts add FILE`.\n'

test('the list of hosts is one sentence and one remedy, and no complaint of anything degraded', async () => {
  assert.deepEqual(await ethos(['hosts']), { code: 0, out: `No host is known yet. ${REMEDY}`, err: '' })
  assert.deepEqual(await ethos(['hosts', '--json']), { code: 0, out: '[]\n', err: '' })
})

test('whoever asks for a ranking is told once why there is none, and is not sent to ask again', async () => {
  const reason = 'No host can be ranked: none is registered with all that is needed.'
  const told = { code: 3, out: '', err: `ethos: ${reason} ${REMEDY}` }
  assert.deepEqual(await ethos(['rank', 'vm-1']), told)
  assert.deepEqual(await ethos(['place', '--vcpus', '2', '--memory', '4GiB']), told)
})

test('a host that reports and was never registered is an alert, with its address and the command that registers it', async () => {
  const host = parseHostId('kvm-7')
  const tokenFile = join(folder, 'host-token')
  const pin = server.authority.pin
  writeFileSync(tokenFile, await createToken(server.store, { for: { host }, pin, at: Date.now() }))
  const reporter = new Reporter({
    server: `https://localhost:${server.port}`,
    host,
    stateFolder: join(folder, 'reporter'),
    tokenFile,
    refCoresPerCore: 1,
    lookEveryMs: 100,
    reportEveryMs: 200,
    channels: { folders: [] },
    procFolder: '/proc',
    domstats: async () => '',
    isInMaintenance: () => false,
    clock: new WallClock(),
    elapsedMs: () => performance.now(),
    log: makeLog('none', () => undefined),
  })
  reporter.start()
  try {
    for (let look = 0; server.judgement.listAlerts().length === 0 && look < 600; look++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    const { code, out } = await ethos(['alerts'])
    assert.equal(code, 1)
    assert.match(
      out,
      /^warning .*kvm-7 reports from \S+ and is not on the list of hosts: \d+ requests were refused since /,
    )
    assert.match(out, /ethos bench host --out kvm-7.json && ethos hosts add kvm-7.json/)
  } finally {
    await reporter.close()
  }
})
