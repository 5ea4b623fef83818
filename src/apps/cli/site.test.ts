/** The commands that ask a server, run as programs against a real one. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Check } from 'typebox/value'
import { ImaginedSite } from '../../../tools/server/imagined-site.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { HOUR_MS } from '../../terms/units.ts'
import { type SiteServer, startSiteServer } from '../server/site-server.ts'
import { PolicyPreviewView } from '../server/views/preview.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ethos-cli-'))
const config = join(folder, 'config')
const site = new ImaginedSite({ hosts: 3, vms: 12, cores: 16, seed: 1 })
let server: SiteServer
let reporting: NodeJS.Timeout

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `ethos` with words. */
function ethos(words: readonly string[], input = ''): Promise<Ended> {
  const environment = { ...process.env, XDG_CONFIG_HOME: config, ETHOS_SERVER: '', ETHOS_TOKEN: '' }
  delete (environment as Record<string, unknown>)['ETHOS_SERVER']
  delete (environment as Record<string, unknown>)['ETHOS_TOKEN']
  const child = spawn(process.execPath, [MAIN, ...words], { env: environment })
  let out = ''
  let err = ''
  child.stdout.on('data', (piece) => (out += String(piece)))
  child.stderr.on('data', (piece) => (err += String(piece)))
  child.stdin.end(input)
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

before(async () => {
  server = await startSiteServer({
    dataFolder: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    names: ['localhost', '127.0.0.1'],
    clock: new WallClock(),
    version: '0.0.0-test',
    holder: 'test',
    turnEveryMs: 1000,
  })
  const now = Date.now()
  await site.register(server.store, now)
  await site.tellPast(server.store, { from: now - HOUR_MS, to: now })
  await site.tellReports(server.store, now)
  await site.tellVectors(server.store, [...site.vms.keys()], now)
  reporting = setInterval(() => void site.tellReports(server.store, Date.now()), 5000)
  await hasRanking()
})

after(async () => {
  clearInterval(reporting)
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Until a turn has seen the hosts. */
async function hasRanking(): Promise<void> {
  for (;;) {
    const answer = await server.judgement.hostsFor(site.vms[0].id)
    if (answer.kind === 'json' && server.judgement.status().turns > 1) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('nobody asks before a login, and the remedy is told', async () => {
  const { code, err } = await ethos(['vms'])
  assert.equal(code, 2)
  assert.match(err, /Log in once: ethos login/)
})

test('a login with a wrong fingerprint is refused; with the right one it is kept, for its owner alone', async () => {
  const words = ['login', '--server', `https://localhost:${server.port}`, '--fingerprint']
  const wrong = await ethos([...words, 'A'.repeat(43)], `${server.firstToken}\n`)
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /shows another authority/)
  const right = await ethos([...words, server.authority.pin], `${server.firstToken}\n`)
  assert.equal(right.code, 0, right.err)
  assert.match(right.out, /Logged in at .* \(admin\)/)
  assert.equal(statSync(join(config, 'ethos', 'cli.json')).mode & 0o777, 0o600)
})

test('VMs and hosts are listed, for people, for programs and by name', async () => {
  const [vms, names, json, hosts] = await Promise.all([
    ethos(['vms']),
    ethos(['vms', '--names']),
    ethos(['vms', '--json']),
    ethos(['hosts']),
  ])
  assert.match(vms.out, /^VM .*state .*host/)
  assert.equal(names.out.trim().split('\n').length, 12)
  assert.equal((JSON.parse(json.out) as unknown[]).length, 12)
  assert.match(hosts.out, /^host .*cores .*expected .*bound .*sold/)
  assert.equal(hosts.code, 0, hosts.err)
})

test('a VM is ranked on all hosts, with the terms of each score; one that nobody knows ends with 5', async () => {
  const [table, json, unknown] = await Promise.all([
    ethos(['rank', 'vm-00003', '--refused']),
    ethos(['rank', 'vm-00003', '--json']),
    ethos(['rank', 'nobody']),
  ])
  assert.equal(table.code, 0, table.err)
  assert.match(table.out, /performance +energy +load +migration/)
  assert.match(table.out, /Refused:\n {2}host-000\d:? /)
  const { ranked, refused } = JSON.parse(json.out) as { ranked: unknown[]; refused: unknown[] }
  assert.equal(ranked.length + refused.length, 3)
  assert.equal(unknown.code, 5)
})

test('why a VM stays, and why it is not on another host', async () => {
  const [why, whyNot] = await Promise.all([ethos(['why', 'vm-00003']), ethos(['why-not', 'vm-00003', 'host-0001'])])
  assert.equal(why.code, 0, why.err)
  assert.match(why.out, /demand +\d/)
  assert.equal(whyNot.code, 0, whyNot.err)
  assert.match(whyNot.out, /there +host-0001/)
})

test('a group is placed apart; more of them than there are hosts end with 1 and say what could be done', async () => {
  const asked = ['place', '--vcpus', '2', '--memory', '4GiB', '--apart', '--count']
  const [three, four, wrong] = await Promise.all([
    ethos([...asked, '3']),
    ethos([...asked, '4']),
    ethos(['place', '--vcpus', '2']),
  ])
  assert.equal(three.code, 0, three.err)
  assert.equal(four.code, 1)
  assert.match(four.out, /no host can take it[^]*What could be done/)
  assert.equal(wrong.code, 2)
})

test('a policy is shown over the last hour before it is set, and nothing is set by it', async () => {
  const file = join(folder, 'wished.json')
  writeFileSync(file, JSON.stringify({ name: 'calm', contention: { triggerProbability: 0.9 } }))
  const standing = await ethos(['policy', '--json'])
  const { code, out, err } = await ethos(['policy', 'preview', file, '--level', 'full', '--span', '1h'])
  assert.equal(code, 0, err)
  assert.match(out, /turns each: policy production at shadow against policy calm at full\.$/m)
  assert.match(out, /^replayed on 3 hosts and 12 VMs +as it stands +as asked$/m)
  for (const figure of ['time in contention', 'demand not served', 'energy', 'moves', 'proposals', 'memory sent'])
    assert.match(out, new RegExp(`^${figure} +\\S.* {2,}\\S`, 'm'))
  assert.match(out, /^Usage is kept in means of five minutes/m)
  const told = await ethos(['policy', 'preview', '--span', '1h', '--json'])
  const view = JSON.parse(told.out) as PolicyPreviewView
  assert.deepEqual([view.state, Check(PolicyPreviewView, view)], ['done', true])
  assert.deepEqual(await ethos(['policy', '--json']), standing)
  for (const [words, said] of [
    [['--span', '5'], /^ethos: --span: /m],
    [['--span', '2d'], /spanMs/],
    [['--level', 'more'], /level/],
    [[join(folder, 'none.json')], /none\.json/],
  ] as const) {
    const refused = await ethos(['policy', 'preview', ...words])
    assert.equal(refused.code, 2, refused.err)
    assert.match(refused.err, said)
  }
})

test('a VM that is to be left alone is shown over the last day first, and taken back likewise; nothing is set by it', async () => {
  const [on, json] = [
    await ethos(['vms', 'opt-out', 'vm-00003', 'preview']),
    ['vms', 'opt-out', 'vm-00003', 'preview', '--json'],
  ]
  assert.equal(on.code, 0, on.err)
  assert.match(on.out, /^vm-00003, as asked: it is left alone\.$/m)
  assert.match(on.out, /as it stands +as asked$/m)
  const view = JSON.parse((await ethos(json)).out) as PolicyPreviewView
  assert.ok(view.result?.moves.every(({ vm, under }) => vm !== 'vm-00003' || under === 'current'))
  assert.equal((await ethos(['vms', 'opt-out', 'vm-00003', 'on', '--reason', 'licence'])).code, 0)
  assert.match(
    (await ethos(['vms', 'opt-out', 'vm-00003', 'preview'])).out,
    /^vm-00003, as asked: it may be moved again\.$/m,
  )
  assert.equal((await ethos(['vms', 'opt-out', 'vm-00003', 'off'])).code, 0)
})

test('a policy is set, and the version before stays in its history', async () => {
  const file = join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify({ name: 'careful', gates: { movesPerVmDayMax: 1 } }))
  const set = await ethos(['policy', 'set', file])
  assert.equal(set.code, 0, set.err)
  assert.match((await ethos(['policy', 'history'])).out, /1 .*careful/)
  writeFileSync(file, JSON.stringify({ gates: { cooldownMs: -1 } }))
  assert.equal((await ethos(['policy', 'set', file])).code, 2)
  writeFileSync(file, JSON.stringify({ safety: { movesPerClusterHourMax: 1e9 } }))
  const large = await ethos(['policy', 'set', file])
  assert.equal(large.code, 2)
  assert.match(large.err, /safety\.movesPerClusterHourMax: 1000000000 .*whole number from 0 to 10000: /)
  writeFileSync(file, JSON.stringify({ safety: { movesPerClusterHourMax: 0 } }))
  const none = /^safety\.movesPerClusterHourMax is 0: nothing is moved by it\.$/m
  assert.match((await ethos(['policy', 'set', file])).out, none)
  assert.match((await ethos(['policy'])).err, none)
})

test('whether guests are trusted is told and set, and a reason alone changes nothing', async () => {
  const told = await ethos(['automation'])
  assert.match(told.out, /^shadow \(the default\)\nWhat guests say .* weighs in rankings alone\.\n$/)
  const trusted = await ethos(['automation', '--trust-guests', '--reason', 'all guests are ours', '--json'])
  assert.equal((JSON.parse(trusted.out) as { areGuestsTrusted: boolean }).areGuestsTrusted, true)
  assert.match((await ethos(['automation', '--pause'])).out, /^shadow, paused.*\n.* weighs in orders too\.\n$/)
  const back = await ethos(['automation', '--no-trust-guests', '--resume'])
  assert.match(back.out, /^shadow \(by .*\n.* weighs in rankings alone\.\n$/)
  const idle = await ethos(['automation', '--reason', 'why not'])
  assert.deepEqual([idle.code, /goes with a change/.test(idle.err)], [2, true])
})

test('an operator enrolls a VM and a host; a viewer may not', async () => {
  const viewer = join(folder, 'viewer')
  const made = await ethos(['tokens', 'create', '--role', 'viewer', '--name', 'grafana'])
  writeFileSync(viewer, made.out)
  const [vm, host, refused] = await Promise.all([
    ethos(['enroll', 'web-1']),
    ethos(['enroll', 'kvm-1', '--host']),
    ethos(['enroll', 'web-2', '--token-file', viewer]),
  ])
  for (const { code, out, err } of [vm, host]) {
    assert.equal(code, 0, err)
    assert.match(out, /^ethos1\.[0-9a-f]{16}\.[\w-]{43}\.[\w-]{43}\n$/)
  }
  assert.equal(refused.code, 4, refused.err)
})

test('a host is corrected field by field, and what is no field is refused with its name', async () => {
  const good = await ethos(['hosts', 'correct', 'host-0001', '--set', 'pricePerHour=0.4', 'model=Rack 7'])
  assert.equal(good.code, 0, good.err)
  const shown = await ethos(['hosts', 'host-0001'])
  assert.match(shown.out, /model +Rack 7/)
  assert.match(shown.out, /corrected +model, pricePerHour/)
  const bad = await ethos(['hosts', 'correct', 'host-0001', '--set', 'colour=red'])
  assert.equal(bad.code, 2)
})

test('libvirts that the server has are asked from here: none is said, and one that is dead ends with 1', async () => {
  const none = await ethos(['libvirt', 'check'])
  assert.equal(none.code, 2)
  assert.match(none.err, /No host is named there/)
  const file = join(folder, 'libvirt.json')
  writeFileSync(file, JSON.stringify({ hosts: [{ id: 'kvm-1', uri: 'qemu+tcp://127.0.0.1:9/system' }] }))
  assert.equal((await ethos(['libvirt', 'set', file])).code, 0)
  const dead = await ethos(['libvirt', 'check'])
  assert.equal(dead.code, 1, dead.err)
  assert.match(dead.out, /^kvm-1: .* can not be reached: /m)
  assert.match(dead.out, /^0 of 1 hosts answer/m)
  writeFileSync(file, JSON.stringify({ hosts: [] }))
  assert.equal((await ethos(['libvirt', 'set', file])).code, 0)
})

test('the doctor finds nothing wrong with a good site; of a server that is gone it says so, and ends with 1', async () => {
  const good = await ethos(['doctor', '--json'])
  const { findings } = JSON.parse(good.out) as { findings: { verdict: string; what: string }[] }
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict === 'wrong'),
    [],
  )
  const gone = await ethos(['doctor', '--server', 'https://localhost:9'])
  assert.equal(gone.code, 1)
  assert.match(gone.out, /Nothing listens there/)
  assert.equal((await ethos(['status', '--server', 'https://localhost:9'])).code, 3)
})
