import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aWideTrace } from '../src/apps/cli/builders.ts'
import { type Finished, REPOSITORY, runProgram } from './repository.ts'

const NOT_COPIED = new Set(['.git', 'build', 'data', 'dist', 'node_modules', 'out'])
const home = mkdtempSync(join(tmpdir(), 'ethos-install-'))
const user = join(home, 'user')
const installed = join(user, 'node_modules', 'ethos')
after(() => rmSync(home, { recursive: true, force: true }))

describe('the package that `npm pack` makes', () => {
  before(() => {
    install(pack())
    writeFileSync(join(user, 'day.csv'), aWideTrace({ vms: 8, steps: 24 }))
  })

  test('holds what runs and what it reads: no sources, no tests', () => {
    const files = globSync('**/*', { cwd: installed })
    assert.deepEqual(
      files.filter((path) => /(^src|(?<!\.d)\.ts$|\.(test|bench|contract)\.|builders|tsconfig)/.test(path)),
      [],
    )
    for (const path of ['LICENSE', 'NOTICE', 'README.md', 'docs/traces.md', 'dist/web/index.html'])
      assert.ok(files.includes(path), path)
  })

  test('is a client of libvirt to whoever imports it, with its types', () => {
    const program = [
      "import { type Libvirt, LibvirtError, openLibvirt, parseAddress } from 'ethos/libvirt'",
      "console.log(parseAddress('qemu+tcp://host/system').name)",
      "const opened: Promise<Libvirt> = openLibvirt('qemu+unix:///system?socket=/nowhere/sock')",
      'opened.catch((error: unknown) => console.log(error instanceof LibvirtError && error.code))',
    ]
    writeFileSync(join(user, 'client.mts'), `${program.join('\n')}\n`)
    const types = ['--types', 'node', '--typeRoots', join(REPOSITORY, 'node_modules', '@types')]
    const words = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', ...types, 'client.mts']
    assert.deepEqual(runProgram('tsc', words, user), { isSuccess: true, output: '' })
    const answer = runProgram(process.execPath, ['client.mts'], user)
    assert.deepEqual(answer, { isSuccess: true, output: 'qemu:///system\nunreachable\n' })
  })

  test('says its version', () => {
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
    assert.deepEqual(ethos('--version'), { isSuccess: true, output: `${version}\n` })
  })

  test('comes to the same results as the clone', () => {
    succeed(ethos('backtest', '--trace', 'day.csv', '--policy', 'ethos', '--json', 'installed.json'))
    const main = join(REPOSITORY, 'bin', 'ethos.mjs')
    const words = [main, 'backtest', '--trace', 'day.csv', '--policy', 'ethos', '--json', 'cloned.json']
    succeed(runProgram(process.execPath, words, user))
    assert.deepEqual(readResults('installed.json'), readResults('cloned.json'))
  })

  test('has the traces, fleets and policies that its help names', () => {
    const words = ['--vm-count', '8', '--hosts', 'virtualisation-2022', '--policy', 'none']
    succeed(ethos('backtest', '--trace', 'azure', ...words))
  })

  test('serves, takes turns in a process of its own, answers, and runs a backtest that it is asked for', async () => {
    const { line, end } = await serving()
    try {
      const [, port] = /listening on 127\.0\.0\.1:(\d+)/.exec(line('listening')) ?? []
      const [, token] = /(ethos_[0-9a-f]{16}_[\w-]{43})/.exec(line('ethos_')) ?? []
      writeFileSync(join(user, 'token'), `${token}\n`, { mode: 0o600 })
      const server = ['--server', `https://localhost:${port}`, '--ca', 'ca.pem', '--token-file', 'token']
      writeFileSync(join(user, 'ca.pem'), authorityIn(join(user, 'site')))
      for (let i = 0; !/controller +running/.test(ethos('status', ...server).output); i++) assert.ok(i < 60)
      const wanted = { source: 'azure', vms: 8, policies: ['none'] }
      const { id } = await asked({ port: Number(port), token, path: '/v1/backtests', body: wanted })
      const state = async () => (await asked({ port: Number(port), token, path: `/v1/backtests/${id}` }))['state']
      for (let i = 0; (await state()) !== 'done'; i++) {
        assert.ok(i < 600)
        await sleep(100)
      }
    } finally {
      await end()
    }
  })

  test('writes reports', () => {
    succeed(ethos('report', '--trace', 'day.csv', '--policy', 'ethos,none', '--out', 'page.html'))
    assert.match(readFileSync(join(user, 'page.html'), 'utf8'), /^<!doctype html>/)
  })

  test('refuses what is wrong with code 2 and no stack trace', () => {
    const { isSuccess, output } = ethos('backtest', '--trace', 'no.csv')
    assert.equal(isSuccess, false)
    assert.match(output, /^ethos: file: "no.csv" is not usable. There is no such file.[^\n]*\n$/)
  })
})

test('on an old Node the command says which it needs', () => {
  const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.3.0' } })"
  const words = ['--import', `data:text/javascript,${encodeURIComponent(old)}`, join(REPOSITORY, 'bin', 'ethos.mjs')]
  const { isSuccess, output } = runProgram(process.execPath, [...words, '--version'])
  assert.equal(isSuccess, false)
  assert.match(output, /^ethos: this is Node 22.3.0. Ethos needs Node 24 or later: /)
})

/** In a copy of the clone, so that `dist` of this one is left alone. Returns the tarball. */
function pack(): string {
  const clone = join(home, 'clone')
  cpSync(REPOSITORY, clone, { recursive: true, filter: isCopied })
  symlinkSync(join(REPOSITORY, 'node_modules'), join(clone, 'node_modules'))
  succeed(runProgram('npm', ['pack', '--silent', '--pack-destination', home], clone))
  const [tarball] = globSync('ethos-*.tgz', { cwd: home })
  return join(home, tarball)
}

function isCopied(path: string): boolean {
  return !NOT_COPIED.has(relative(REPOSITORY, path).split('/')[0])
}

/** As `npm install` would lay it out, which can't be asked here: there may be no registry. */
function install(tarball: string): void {
  mkdirSync(installed, { recursive: true })
  succeed(runProgram('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']))
  const { dependencies, bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) link(join(REPOSITORY, 'node_modules', name), name)
  for (const [name, path] of Object.entries<string>(bin)) link(join(installed, path), join('.bin', name))
}

function link(target: string, name: string): void {
  const path = join(user, 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) symlinkSync(target, path)
}

function ethos(...words: readonly string[]): Finished {
  return runProgram('npx', ['--silent', '--offline', 'ethos', ...words], user)
}

/** `ethos serve` of the package, until it has told its first token. */
async function serving(): Promise<{ readonly line: (part: string) => string; readonly end: () => Promise<void> }> {
  const words = ['serve', '--data', 'site', '--listen', '127.0.0.1:0', '--turn-every', '10']
  const child = spawn(process.execPath, [join(installed, 'bin', 'ethos.mjs'), ...words], { cwd: user })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += String(piece)))
  for (let i = 0; !said.includes('ethos_'); i++) {
    assert.ok(i < 600 && child.exitCode === null, said)
    await sleep(100)
  }
  const lines = said.split('\n')
  return {
    line: (part) => lines.find((text) => text.includes(part)) ?? '',
    end: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** What the API of the package's server answers. */
function asked(about: { port: number; token: string; path: string; body?: object }): Promise<Record<string, string>> {
  const { port, token, path, body } = about
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const options = { host: 'localhost', port, path, headers, ca: authorityIn(join(user, 'site')) }
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      json(response).then((answer) => resolve(answer as Record<string, string>), reject)
    })
    sent.once('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** The certificate of a server's authority, from its folder. */
function authorityIn(folder: string): string {
  const { certificate } = JSON.parse(readFileSync(join(folder, 'ca-1.json'), 'utf8')) as { certificate: string }
  return certificate
}

function succeed({ isSuccess, output }: Finished): void {
  assert.ok(isSuccess, output)
}

function readResults(name: string): readonly object[] {
  const { results } = JSON.parse(readFileSync(join(user, name), 'utf8'))
  return results.map((result: object) => ({ ...result, cpuSeconds: 0 }))
}
