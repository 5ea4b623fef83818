/** `ethos serve --demo` as a program: where it listens, how it ends, and what it leaves behind. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

const MAIN = new URL('./main.ts', import.meta.url).pathname
const PATIENCE_MS = 300_000

interface Run {
  readonly child: ChildProcess
  readonly folder: string
  /** Resolves once it has said this, or has ended. */
  readonly hasSaid: (text: string) => Promise<void>
  readonly ended: Promise<number | null>
  readonly said: () => string
}

/** In a group of its own and with a temporary folder of its own, so that what is left of either shows. */
function demo(t: TestContext, words: readonly string[], program: readonly string[] = [MAIN, 'serve', '--demo']): Run {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-serve-demo-'))
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, [...program, ...words], { env, detached: true })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  t.after(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  const hasSaid = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (said.includes(text) && resolve())
      for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
      void ended.then(() => resolve())
      look()
    })
  return { child, folder, hasSaid, ended, said: () => said }
}

/** Whether any process of its group lives. */
function isGroupLeft({ child }: Run): boolean {
  try {
    process.kill(-(child.pid ?? 0), 0)
    return true
  } catch {
    return false
  }
}

function foldersOf({ folder }: Run): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith('ethos-demo-'))
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  test(`the demo prints its address, and on ${signal}, however often it comes, ends with no child and no folder left`, {
    timeout: PATIENCE_MS,
  }, async (t) => {
    const run = demo(t, ['--listen', '127.0.0.1:0'])
    await run.hasSaid('#token=')
    assert.match(run.said(), /http:\/\/127\.0\.0\.1:\d+\/#token=once_/)
    run.child.kill(signal)
    await run.hasSaid('ending')
    run.child.kill(signal)
    assert.equal(await run.ended, 0, run.said())
    assert.equal(isGroupLeft(run), false)
    assert.deepEqual(foldersOf(run), [])
  })

test('a demo whose process ends as nobody asked leaves no folder either, as where its terminal is closed', {
  timeout: PATIENCE_MS,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-ends-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'ends.mjs')
  writeFileSync(
    program,
    `import { startDemo } from ${JSON.stringify(import.meta.resolve('../demo-site/demo.ts'))}
     import { makeLog } from ${JSON.stringify(import.meta.resolve('../server/log.ts'))}
     const log = makeLog('none', () => undefined)
     await startDemo({ host: '127.0.0.1', port: 0, version: '0', log, areMetricsOpen: false })
     process.exit(3)`,
  )
  const run = demo(t, [], [program])
  assert.equal(await run.ended, 3, run.said())
  assert.deepEqual(foldersOf(run), [])
})

test('the demo ends by itself when the time that it was given is over', { timeout: PATIENCE_MS }, async (t) => {
  const run = demo(t, ['--listen', '127.0.0.1:0', '--for', '1'])
  assert.equal(await run.ended, 0, run.said())
  assert.match(run.said(), /its 1 s are over/)
})

test('a port that is taken is named, with the flag for another', { timeout: PATIENCE_MS }, async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  const run = demo(t, ['--listen', `127.0.0.1:${port}`])
  assert.equal(await run.ended, 2)
  assert.match(run.said(), new RegExp(`127\\.0\\.0\\.1:${port}`))
  assert.match(run.said(), /EADDRINUSE.*--listen 127\.0\.0\.1:\d+/)
})

test('the demo listens on this machine alone', { timeout: PATIENCE_MS }, async (t) => {
  const run = demo(t, ['--listen', '0.0.0.0:0'])
  assert.equal(await run.ended, 2)
  assert.match(run.said(), /for this machine alone/)
})

for (const words of [
  ['--store', 'postgres://nobody@localhost/none'],
  ['--name', 'ethos.example'],
  ['--channel', 'web-1=/run/web-1.sock'],
  ['--channels', '/run/channels'],
  ['--turn-every', '5'],
  ['--data', ''],
  ['--data', MAIN],
  ['--for', '0'],
  ['--for', '1h'],
  ['--listen', '8471'],
])
  test(`${words[0]} ${words[1] === MAIN ? 'that is a file' : `"${words[1]}"`} is refused at once`, {
    timeout: PATIENCE_MS,
  }, async (t) => {
    const run = demo(t, words)
    assert.equal(await run.ended, 2, run.said())
    assert.match(run.said(), new RegExp(`^ethos: ${words[0]}: .* is not usable\\. `))
  })
