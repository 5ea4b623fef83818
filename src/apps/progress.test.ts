import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { Writable } from 'node:stream'
import { after, describe, test } from 'node:test'
import { MAIN, UserFolder } from './cli/builders.ts'
import { Progress } from './progress.ts'

const user = new UserFolder()
after(() => user.remove())
const [HIDE_CURSOR, KEEP_LINE] = ['\u001b[?25l', '\u001b[?7l']
const LONG_RUN = ['backtest', '--trace', 'azure', '--policy', 'ethos']

describe('the progress bar', () => {
  test('shows how far the work is and on what, and is gone when the work is done', () => {
    const terminal = aTerminal(true)
    const progress = new Progress(4, terminal.stream)
    progress.step('ethos')
    waitMs(450)
    progress.step('ethos')
    assert.match(terminal.text(), /█+░+ 50% {2}ethos {2}\d+s left/)
    progress.stop()
    const erased = terminal.text().lastIndexOf('\u001b[2K')
    assert.doesNotMatch(terminal.text().slice(erased), /[█░]/)
  })

  test('leaves the terminal as it found it, so that an interrupt has nothing to put back', () => {
    const terminal = aTerminal(true)
    const listeners = process.listenerCount('SIGINT')
    const progress = new Progress(4, terminal.stream)
    assert.equal(process.listenerCount('SIGINT'), listeners)
    progress.stop()
    for (const setting of [HIDE_CURSOR, KEEP_LINE]) assert.ok(!terminal.text().includes(setting))
  })

  test('is redrawn a few times a second, however many steps there are', () => {
    const terminal = aTerminal(true)
    const startedAt = performance.now()
    const progress = new Progress(200_000, terminal.stream)
    for (let step = 0; step < 200_000; step++) progress.step('ethos')
    progress.stop()
    const seconds = (performance.now() - startedAt) / 1000
    // A frame is text and an escape or two; the first and the last are drawn whenever they come.
    assert.ok(terminal.writes() <= 4 * (5 * seconds + 2) + 8, `${terminal.writes()} writes in ${seconds} s`)
  })

  test('says nothing where nobody watches', () => {
    const terminal = aTerminal(false)
    const progress = new Progress(2, terminal.stream)
    progress.step('ethos')
    waitMs(450)
    progress.step('ethos')
    progress.stop()
    assert.equal(terminal.text(), '')
  })
})

test('Ctrl-C ends a run at once, without a stack trace and with the terminal as it was', async () => {
  const { signal, code, output } = await interrupted()
  assert.ok(signal === 'SIGINT' || code === 130, `code ${code}, signal ${signal}`)
  assert.doesNotMatch(output, /\n +at /)
  for (const setting of [HIDE_CURSOR, KEEP_LINE]) assert.ok(!output.includes(setting))
})

/** In a terminal of its own where `script` gives one; else it is the signal alone. */
async function interrupted(): Promise<{ signal: string | null; code: number | null; output: string }> {
  const hasScript = spawnSync('script', ['--version']).error === undefined
  const command = [process.execPath, MAIN, ...LONG_RUN]
  const [program, ...words] = hasScript ? ['script', '-qefc', command.join(' '), '/dev/null'] : command
  const child = spawn(program, words, { cwd: user.path, env: user.environment({ TERM: 'xterm', SHELL: '/bin/sh' }) })
  let output = ''
  const interrupt = () => (hasScript ? child.stdin.write('\u0003') : child.kill('SIGINT'))
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const isAsked = isUnderWay(output, hasScript)
      output += chunk
      if (!isAsked && isUnderWay(output, hasScript)) interrupt()
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, output })
    })
  })
}

function isUnderWay(output: string, hasTerminal: boolean): boolean {
  return hasTerminal ? /[1-9]% {2}ethos/.test(output) : output.includes('VMs come or go')
}

function aTerminal(isTTY: boolean) {
  const chunks: string[] = []
  const sink = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      chunks.push(chunk)
      done()
    },
  })
  return {
    stream: Object.assign(sink, { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream,
    text: () => chunks.join(''),
    writes: () => chunks.length,
  }
}

/** The work of a step, in which nothing else happens. */
function waitMs(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
