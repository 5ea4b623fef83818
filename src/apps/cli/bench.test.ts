import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeHostMeasurement } from '../../terms/host-measurement-codec.ts'
import { readHostRecord } from '../../terms/host-record.ts'
import { MAIN, UserFolder } from './builders.ts'

const user = new UserFolder()
after(() => user.remove())

const TOKEN = `ethos_${'0'.repeat(16)}_${'A'.repeat(43)}`

test('a real suite of one kind of work: a table for people, a document for programs', () => {
  const { code, stdout, stderr } = user.run([
    'bench',
    'host',
    '--quick',
    '--only',
    'integer',
    '--out',
    'h.json',
    '--host-id',
    'h1',
  ])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^Plan \(quick\): about \d+ s in all/)
  assert.match(stdout, /integer-one +[\d,.]+ events\/s +[\d.]+ %/)
  assert.match(stdout, /Power \(estimated\)/)
  const measurement = decodeHostMeasurement(readFileSync(join(user.path, 'h.json'), 'utf8'))
  assert.equal(measurement.hostId, 'h1')
  assert.ok((measurement.host.refCoresPerCore ?? 0) > 0)
  const shown = user.run(['bench', 'show', 'h.json'])
  assert.equal(shown.code, 0)
  assert.equal(shown.stdout, stdout)
  assert.match(user.run(['bench', 'show', 'h.json', 'h.json']).stdout, /Median distance 0.0 %/)
})

test('a PATH that names nothing, as daemons have, does not hide Debian’s tools', () => {
  const { code, stdout } = user.run(['bench', 'host', '--quick', '--json', '--only', 'network'], {
    env: { PATH: '/none' },
  })
  assert.equal(code, 0)
  const { runs } = decodeHostMeasurement(stdout)
  assert.deepEqual(
    runs.map(({ benchmark, values, note }) => [benchmark, values.length, note?.slice(0, 18)]),
    [['network-tcp', 3, 'over loopback only']],
  )
})

test('what can’t be done as asked is refused before anything is measured', () => {
  const wrong: readonly (readonly [words: readonly string[], message: RegExp])[] = [
    [['--disk', '/dev/null'], /--disk: "\/dev\/null" is not usable. Name a folder/],
    [['--only', 'juggling'], /--only: "juggling"/],
    [['--peer', '-oProxy'], /--peer/],
    [['--set', 'cores=none'], /--set.cores/],
    [['--corrections', 'none.json'], /none.json/],
    [['--host-id', 'a b'], /--host-id/],
    [['--watts-from', 'relative'], /--watts-from/],
    [['--out', '/nowhere/x.json'], /--out/],
    [['--send', 'http://plain.example', '--token-file', 'x'], /a token goes over TLS only/],
    [['--send', 'https://ethos.example'], /--token-file/],
  ]
  for (const [words, message] of wrong) {
    const { code, stderr } = user.run(['bench', 'host', ...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /Plan/)
  }
})

test('a token that is none is not shown', () => {
  user.write('token', 'ethos_hidden hidden')
  const { code, stderr } = user.run(['bench', 'host', '--send', 'https://localhost', '--token-file', 'token'])
  assert.equal(code, 2)
  assert.doesNotMatch(stderr, /hidden/)
})

test('a file that is no measurement is refused by its place', () => {
  user.write('rubbish.json', '{"schema": 1, "hostId": "h"}')
  const { code, stderr } = user.run(['bench', 'show', 'rubbish.json'])
  assert.equal(code, 2)
  assert.match(stderr, /rubbish.json.measuredAt: missing/)
})

test('a recorded measurement of a machine that others were using is shown, and says that they were', () => {
  const recorded = join(import.meta.dirname, '../../drivers/host-bench/recorded/host-measurement.txt')
  const measurement = decodeHostMeasurement(readFileSync(recorded, 'utf8'))
  assert.equal(measurement.quiet.isQuiet, false)
  const { code, stdout } = user.run(['bench', 'show', recorded])
  assert.equal(code, 0)
  assert.match(stdout, /^NOT QUIET: .* busy before it/m)
  for (const { benchmark } of measurement.runs) assert.match(stdout, new RegExp(`^${benchmark} `, 'm'))
  // What a VM can't know must be set by hand before its host is ranked.
  const documents = { hostId: measurement.hostId, measurement: readFileSync(recorded, 'utf8') }
  assert.throws(() => readHostRecord(documents), /networkBytesPerSec: missing/)
  const host = readHostRecord({ ...documents, corrections: '{"networkBytesPerSec": 1250000000}' })
  assert.equal(host.benchmarks.integer?.unit, 'x reference')
})

test('the page on measuring hosts tells of each option of ethos bench host, and of no other', () => {
  const help = user.run(['bench', 'host', '--help']).stdout
  const options = new Set([...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option))
  const page = readFileSync(join(import.meta.dirname, '../../../docs/bench-host.md'), 'utf8')
  const told = new Set([...page.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([option]) => option))
  // Those of tools/specpower-error.ts.
  for (const other of ['--data', '--write']) told.delete(other)
  options.delete('--help')
  assert.deepEqual([...told].toSorted(), [...options].toSorted())
})

test('interrupted, it leaves no child and no file, and tells what it has', async () => {
  const disk = join(user.path, 'disk')
  mkdirSync(disk)
  const words = [MAIN, 'bench', 'host', '--disk', disk, '--json', '--only', 'integer,disk-random,network']
  const child = spawn(process.execPath, words, { env: user.environment(), stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  while (childrenOf(child.pid ?? 0).length === 0 || readdirSync(disk).length === 0) await wait(20)
  await wait(1500)
  const children = childrenOf(child.pid ?? 0)
  child.kill('SIGINT')
  assert.equal(await ended, 130)
  assert.equal(decodeHostMeasurement(text).interrupted, true)
  assert.deepEqual(readdirSync(disk), [])
  assert.deepEqual(
    children.filter((pid) => spawnSync('ps', ['-p', String(pid)]).status === 0),
    [],
  )
})

test('the document goes to the server with the token, and what the server says is told', async () => {
  user.write('good', `${TOKEN}\n`)
  const pair = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    'key.pem',
    '-out',
    'ca.pem',
  ]
  assert.equal(spawnSync('openssl', [...pair, ...names], { cwd: user.path }).status, 0)
  const seen: string[] = []
  let answer = 204
  const read = (name: string) => readFileSync(join(user.path, name))
  const server = createServer({ key: read('key.pem'), cert: read('ca.pem') }, (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()))
    request.on('end', () => {
      seen.push(
        `${request.method} ${request.url} ${request.headers.authorization} ${decodeHostMeasurement(body).hostId}`,
      )
      response.writeHead(answer).end(answer === 204 ? '' : 'no such host')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const send = ['--send', url, '--token-file', 'good', '--ca', 'ca.pem']
  try {
    assert.equal(await runBeside(send), 0)
    assert.deepEqual(seen, [`PUT /v1/hosts/h%231/measurement Bearer ${TOKEN} h#1`])
    answer = 404
    assert.equal(await runBeside(send), 2)
    // As every other command that sends a token.
    const old = createServer({ key: read('key.pem'), cert: read('ca.pem'), maxVersion: 'TLSv1.2' }, () => {
      seen.push('over TLS 1.2')
    })
    await new Promise<void>((resolve) => old.listen(0, 'localhost', resolve))
    const oldUrl = `https://localhost:${(old.address() as AddressInfo).port}`
    assert.equal(await runBeside(['--send', oldUrl, '--token-file', 'good', '--ca', 'ca.pem']), 2)
    old.close()
    assert.ok(!seen.includes('over TLS 1.2'))
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

/** Beside this process, which is the server. Without tools nothing takes time. */
function runBeside(words: readonly string[]): Promise<number | null> {
  const all = [MAIN, 'bench', 'host', '--only', 'disk-random', '--quick', '--host-id', 'h#1', ...words]
  const child = spawn(process.execPath, all, { cwd: user.path, env: user.environment(), stdio: 'ignore' })
  return new Promise((resolve) => child.once('close', resolve))
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}
