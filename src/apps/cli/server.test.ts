/** The server's commands as an operator meets them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aLine, Bench } from '../server/builders.ts'
import { PROJECT_FOLDER } from '../../drivers/traces/data-folder.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { parsePersonality } from '../../terms/personality-codec.ts'
import type { Arrivals } from '../../world/site-store.ts'
import { withSite } from '../server/open-site.ts'
import { MAIN, UserFolder } from './builders.ts'

const user = new UserFolder()
after(() => user.remove())
after(() => Bench.removeAll())

const ethos = (line: string) => user.run(line.split(' '))

test('a token is printed once, listed without its secret, and revoked', () => {
  const made = ethos('token create --vm web-1 --data data')
  const [, id, secret] = /^ethos1\.([0-9a-f]{16})\.([\w-]{43})\.[\w-]{43}\n$/.exec(made.stdout) ?? []
  assert.ok(id !== undefined, made.stderr)
  const listed = ethos('token list --data data')
  assert.match(listed.stdout, new RegExp(`^${id}  web-1 +good +for 10 min more\n$`))
  assert.ok(!listed.stdout.includes(secret))
  assert.match(ethos(`token revoke ${id} --data data`).stdout, /is worth nothing now/)
  assert.equal(ethos('token list --data data').stdout, 'No tokens.\n')
  assert.match(ethos(`token revoke ${id} --data data`).stderr, /no such token/)
  const { tokens } = JSON.parse(ethos('token list --json --data data').stdout) as { tokens: unknown[] }
  assert.deepEqual(tokens, [])
})

test('a token for a host says whose it is, and what is lacking for it to be heard', async () => {
  const made = ethos('token create --host kvm-1 --data hosts')
  assert.match(made.stdout, /^ethos1\.[0-9a-f]{16}\.[\w-]{43}\.[\w-]{43}\n$/)
  assert.match(made.stderr, /^kvm-1 is not on the list of hosts yet, .*: ethos hosts add HOST\.json\n$/)
  assert.match(ethos('token list --data hosts').stdout, /^[0-9a-f]{16} {2}host kvm-1 +good/)
  const { tokens } = JSON.parse(ethos('token list --json --data hosts').stdout) as { tokens: object[] }
  assert.deepEqual(
    tokens.map((token) => Object.keys(token)),
    [['id', 'host', 'state', 'expiresAt']],
  )
  await withSite({ data: join(user.path, 'hosts') }, ({ hosts }) =>
    hosts.put({ hostId: parseHostId('kvm-1'), changedAt: Date.now() }),
  )
  assert.equal(ethos('token create --host kvm-1 --data hosts').stderr, '')
  for (const words of ['', ' --host kvm-1 --vm web-1'])
    assert.match(ethos(`token create --data hosts${words}`).stderr, /Expected either --vm or --host/)
})

test('agents are listed for people and for programs, what needs an operator first', async () => {
  ethos('token create --vm web-1 --data fresh')
  assert.match(ethos('agents list --data fresh').stdout, /^No VM has joined yet\. `ethos token create`/)
  await withSite({ data: join(user.path, 'fresh') }, async ({ identities, vectors }) => {
    const now = Date.now()
    const of = (vm: string, ...lines: readonly string[]): Arrivals => {
      const told = lines.map((line) => parsePersonality(line))
      return { vm: parseVmId(vm), at: now - 180_000, vectors: told, isClockOff: told.map(() => false), counts: {} }
    }
    for (const vm of ['web-1', 'web-2', 'web-3']) await identities.certify(parseVmId(vm), now, now)
    await vectors.take([{ ...of('web-1'), counts: { accepted: 288, 'refused: bad data': 2 } }])
    await vectors.take([of('web-3', aLine('web-3', 0), aLine('web-3', 0, { cpu: 0.7 }))])
  })
  const { stdout } = ethos('agents list --data fresh')
  const lines = stdout.split('\n')
  assert.match(lines[0], /^VM {5}state {8}heard {13}vectors {2}duplicates {2}refused$/)
  assert.match(lines[1], /^web-3 {2}quarantined {2}3 min ago /)
  assert.match(lines[2], /^ +two vectors of run-1 are number 0 and differ: .*; 1 vectors kept apart$/)
  assert.match(lines[3], /^web-1 {2}good {9}3 min ago {13}288 {11}0 {8}2$/)
  assert.match(lines[4], /^ +refused: bad data \(2\)$/)
  const { agents } = JSON.parse(ethos('agents list --json --data fresh').stdout) as {
    agents: { vm: string; state: string }[]
  }
  assert.deepEqual(
    agents.map(({ vm, state }) => `${vm} ${state}`),
    ['web-1 good', 'web-2 good', 'web-3 quarantined'],
  )
})

test('a VM is released and banned, once each, and a banned one gets no token', () => {
  assert.match(ethos('agents release web-3 --data fresh').stdout, /^web-3 may report again/)
  const again = ethos('agents release web-3 --data fresh')
  assert.deepEqual([again.code, /neither banned nor in quarantine/.test(again.stderr)], [2, true])
  assert.match(ethos('agents ban web-2 --data fresh').stdout, /^web-2 is shut out now/)
  assert.match(ethos('agents list --data fresh').stdout, /web-2 {2}banned/)
  assert.match(ethos('token create --vm web-2 --data fresh').stderr, /It is banned\. Maybe: ethos agents release web-2/)
})

test('what was refused and done is told to people and programs', () => {
  const lines = ethos('audit --data fresh').stdout.trimEnd().split('\n')
  assert.match(lines.at(-1) ?? '', /^20\d\d-\S+Z {2}banned web-2 \(command line\): by an operator$/)
  assert.match(lines[0], /token created web-1 \(command line\): token [0-9a-f]{16}, 10 minutes$/)
  const { records } = JSON.parse(ethos('audit --last 1 --json --data fresh').stdout) as { records: { what: string }[] }
  assert.deepEqual(
    records.map(({ what }) => what),
    ['banned'],
  )
  assert.match(ethos('audit --last 0 --data fresh').stderr, /Expected a whole number from 1/)
})

test('an authority is listed and replaced', () => {
  ethos('token create --vm web-1 --data roots')
  assert.match(ethos('authority list --data roots').stdout, /^1 {2}until 20\d\d-.* serves\n$/)
  assert.match(ethos('authority rotate --data roots').stdout, /^Authority 2 signs from now on, and is alone from 20/)
  assert.match(ethos('authority list --data roots').stdout, /serves\n2 .* takes over 20/)
  assert.equal(statSync(join(user.path, 'roots', 'ca-2.json')).mode & 0o777, 0o600)
  const { authorities } = JSON.parse(ethos('authority list --json --data roots').stdout) as { authorities: object[] }
  assert.deepEqual(
    authorities.map((root) => Object.keys(root).join()),
    ['number,state,servesFrom,endsAt', 'number,state,servesFrom,endsAt'],
  )
  ethos('authority rotate --overlap-days 0 --data roots')
  assert.match(ethos('authority list --data roots').stdout, /ended\n2 .* ended\n3 .* serves\n$/)
})

test('a phase model is installed, listed and taken back; what is none is refused with its place', () => {
  ethos('token create --vm web-1 --data models')
  assert.match(ethos('phases list --data models').stdout, /^ {2}1 {2}in use {3}comes with the program {2}idle, network/)
  const model = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'scenarios/phases/1.json'), 'utf8')) as object
  user.write('2.json', JSON.stringify({ ...model, version: 2 }, undefined, 2))
  assert.match(ethos('phases install 2.json --data models').stdout, /^Phase model 2 is in use: .* within a minute/)
  const { phases } = JSON.parse(ethos('phases list --json --data models').stdout) as { phases: object[] }
  assert.equal(phases.length, 2)
  assert.match(ethos('phases list --data models').stdout, /1 {2}kept .*\n {2}2 {2}in use {3}20\d\d-\d\d-\d\d /)
  assert.match(ethos('phases use 1 --data models').stdout, /^Phase model 1 is in use/)
  for (const [name, text, says] of [
    ['nan.json', '{"version":NaN}', /nan\.json.*Expected valid JSON/],
    ['more.json', JSON.stringify({ ...model, version: 3, run: 'rm -rf /' }), /more\.json\.run: .*Unknown field/],
    ['other.json', JSON.stringify({ ...model, version: 2, names: 'abcdefgh'.split('') }), /Give this one version 3/],
    ['huge.json', ' '.repeat(70_000), /Expected at most 65536 bytes/],
  ] as const) {
    user.write(name, text)
    const refused = ethos(`phases install ${name} --data models`)
    assert.deepEqual([refused.code, refused.stdout, says.test(refused.stderr)], [2, '', true], refused.stderr)
  }
  assert.match(ethos('phases install nowhere.json --data models').stderr, /can not be read \(ENOENT\)/)
  assert.match(ethos('phases use 9 --data models').stderr, /no such model/)
  assert.match(ethos('phases list --data missing').stderr, /no such folder/)
})

test('an authority that is damaged or gone is told of without a word of its key, and none is made in its place unasked', async () => {
  ethos('token create --vm web-1 --data broken')
  const path = join(user.path, 'broken', 'ca-1.json')
  const whole = readFileSync(path, 'utf8')
  const [, key = ''] = /BEGIN PRIVATE KEY-----\\n([\w+/]{20})/.exec(whole) ?? []
  const { certificate, privateKey, servesFrom } = JSON.parse(whole) as Record<string, unknown>
  for (const damaged of [
    whole.slice(0, -10),
    '',
    JSON.stringify({ privateKey, certificate, servesFrom }).slice(0, -2),
    JSON.stringify({ privateKey: 7, certificate, servesFrom }),
    JSON.stringify({ privateKey: String(privateKey).replace('A', 'B'), certificate: 'none', servesFrom }),
  ]) {
    writeFileSync(path, damaged)
    for (const command of ['server --listen 127.0.0.1:0', 'authority list', 'token create --vm web-2']) {
      const refused = ethos(`${command} --data broken`)
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, /ca-1\.json: "\(hidden\)" is not usable\. It is damaged\. Bring it back from a copy/)
      assert.ok(key.length === 20 && !refused.stderr.includes(key))
    }
  }
  await withSite({ data: join(user.path, 'broken') }, ({ identities }) =>
    identities.certify(parseVmId('web-1'), Date.now(), Date.now()),
  )
  rmSync(path)
  for (const command of ['server --listen 127.0.0.1:0', 'token create --vm web-2'])
    assert.match(
      ethos(`${command} --data broken`).stderr,
      /VMs have joined it, and its authority \(ca-1\.json\) is gone/,
    )
  writeFileSync(path, whole)
  assert.match(ethos('token create --vm web-2 --data broken').stdout, /^ethos1\./)
})

test('one server at a time runs with a data folder; it is no longer in the way once it was killed', async () => {
  const bench = new Bench()
  await bench.start()
  const words = ['server', '--listen', '127.0.0.1:0', '--data', bench.data]
  assert.match(user.run(words).stderr, /Another server runs with it/)
  await bench.stop()
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child.stderr, 'data')
  assert.match(user.run(words).stderr, /Another server runs with it/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await bench.start()
  await bench.remove()
})

test('a data folder that no folder can be made in is refused, and does not hang', () => {
  assert.match(ethos('server --data /proc/ethos --listen 127.0.0.1:0').stderr, /can not be used \(ENOENT\)/)
})

test("what root makes in the server's folder is the server's", {
  skip: process.getuid?.() !== 0 && 'wants root',
}, () => {
  const folder = join(user.path, 'owned')
  mkdirSync(folder, { mode: 0o700 })
  chownSync(folder, 65_534, 65_534)
  ethos('token create --vm web-1 --data owned')
  ethos('authority rotate --data owned')
  for (const name of readdirSync(folder)) {
    const { uid, mode } = statSync(join(folder, name))
    assert.deepEqual([name, uid, mode & 0o777], [name, 65_534, 0o600])
  }
})

test("an operator's certificate is written once, for its owner alone", () => {
  const words = 'operator create --operator ada --out ada.pem --data roots'
  assert.match(ethos(words).stdout, /^ada\.pem: good for 90 days/)
  const text = readFileSync(join(user.path, 'ada.pem'), 'utf8')
  assert.deepEqual([text.split('BEGIN CERTIFICATE').length - 1, text.split('BEGIN PRIVATE KEY').length - 1], [2, 1])
  assert.equal(statSync(join(user.path, 'ada.pem')).mode & 0o777, 0o600)
  assert.match(ethos(words).stderr, /It can not be written \(EEXIST\)/)
})

test('what can not be meant is refused with a place, a value and a remedy', () => {
  mkdirSync(join(user.path, 'open'))
  chmodSync(join(user.path, 'open'), 0o755)
  const cases = [
    ['server --data open', /--data: "open" .*chmod 700/],
    ['server --data d --listen here', /--listen: "here" .*HOST:PORT/],
    ['server --data d --listen 1.2.3.4:70000', /--listen: .*HOST:PORT/],
    ['server --data d --listen 203.0.113.1:8470', /--listen: .*can not be listened on/],
    ['server --data d --name a/b', /--name: "a\/b" .*host name/],
    ['server --data d --channel web-1', /--channel: "web-1" .*VM=PATH/],
    ['server', /--data is missing\. Expected the folder of the site; or --demo/],
    ['token create --vm a"b --data d', /--vm: .*printable ASCII/],
    ['token create --vm a --minutes 0 --data d', /--minutes: "0" .*at most 1440/],
    ['agents list --data nowhere', /--data: "nowhere" .*no such folder/],
    ['authority rotate --overlap-days x --data data', /--overlap-days: "x"/],
    ['operator create --operator ada --out no/where.pem --data data', /--out: .*ENOENT/],
  ] as const
  for (const [line, says] of cases) {
    const { code, stderr, stdout } = ethos(line)
    assert.deepEqual([code, stdout], [2, ''], line)
    assert.match(stderr, says, line)
    assert.ok(!stderr.includes('    at '), stderr)
  }
})

/** Starts the server and waits until it listens. */
async function serve(...words: readonly string[]): Promise<{ child: ChildProcess; said: () => string; port: number }> {
  const child = spawn(process.execPath, [MAIN, 'server', '--listen', '127.0.0.1:0', ...words], {
    cwd: user.path,
    env: user.environment(),
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => {
    said += part.toString()
  })
  for (let i = 0; i < 1000 && !said.includes('listening on'); i++) await sleep(20)
  return { child, said: () => said, port: Number(/listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]) }
}

test('the server takes part with its commands while it runs, says what it does, and ends when asked', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const bench = new Bench({ daysAgo: 0 })
    const { child, said, port } = await serve('--data', bench.data, ...(signal === 'SIGINT' ? ['--json-logs'] : []))
    await bench.attach(port)
    const token = user.run(['token', 'create', '--vm', 'web-1', '--data', bench.data]).stdout.trim()
    const { answer, key } = await bench.join('web-1', token)
    assert.equal(answer.status, 200)
    const ca = String(answer.json['authorities'])
    const member = { vm: 'web-1', key, cert: String(answer.json['certificate']), ca }
    assert.equal((await bench.send(member, [aLine('web-1', 0)])).status, 200)
    assert.equal((await bench.join('web-1', token)).answer.status, 401)
    assert.match(user.run(['agents', 'ban', 'web-1', '--data', bench.data]).stdout, /shut out/)
    assert.equal((await bench.send(member, [aLine('web-1', 1)])).status, 403)
    const exited = once(child, 'exit')
    child.kill(signal)
    assert.deepEqual((await exited)[0], 0)
    const lines = said().trim().split('\n')
    if (signal === 'SIGINT') assert.ok(lines.every((line) => typeof JSON.parse(line) === 'object'))
    else
      assert.match(
        said(),
        /Z warning: join refused \(about web-1, from 127\.0\.0\.1, reason token \w+ was used already\)/,
      )
    assert.ok(!said().includes(token.split('.')[2]) && !said().includes('PRIVATE'))
    await bench.remove()
  }
})
