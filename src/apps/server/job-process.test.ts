/** Work in a process of its own: heard, ended, and told of once, however it goes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { startJob } from './job-process.ts'

const JOB_CHILD = new URL('./job-child.ts', import.meta.url).href
const USAGE_ERROR = new URL('../usage-error.ts', import.meta.url).href

interface Heard {
  readonly said: readonly unknown[]
  /** How it ended, as often as that was told. */
  readonly ends: readonly string[]
}

/** Runs a program that works by `runAsJob`, with what it does as text, until it is gone. */
async function run(
  context: TestContext,
  work: string,
  act: (kill: () => void) => void = () => undefined,
): Promise<Heard> {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-job-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const entry = join(folder, 'entry.ts')
  const imports = `import { runAsJob } from '${JOB_CHILD}'\nimport { UsageError } from '${USAGE_ERROR}'\n`
  writeFileSync(entry, `${imports}runAsJob(10, async (task, tell) => {\n${work}\n})\n`)
  const said: unknown[] = []
  const ends: string[] = []
  await new Promise<void>((resolve) => {
    const job = startJob({
      entry: pathToFileURL(entry),
      memoryMb: 64,
      task: { number: 7 },
      hear: (message) => {
        said.push(message)
        act(() => job.kill())
      },
      ended: (how) => {
        ends.push(how)
        resolve()
      },
    })
  })
  return { said, ends }
}

test('it is told what to do, says how far it is, and is let go after its last word though it holds something open', async (context) => {
  const { said, ends } = await run(
    context,
    "setInterval(() => undefined, 1000)\ntell(() => ({ kind: 'progress' }))\ntell(() => ({ kind: 'too-soon' }))\nreturn { kind: 'done', number: task.number }",
  )
  assert.deepEqual(said, [{ kind: 'progress' }, { kind: 'done', number: 7 }])
  assert.deepEqual(ends, ['It ended with code 0.'])
})

test('what can not be done as it was asked is a refusal, and a mistake of ours is told with its last words', async (context) => {
  const refused = await run(context, "throw new UsageError('site', 'x', 'Expected a host.')")
  assert.deepEqual(refused.said, [{ kind: 'refused', reason: 'site: "x" is not usable. Expected a host.' }])
  const broken = await run(context, "throw new TypeError('of undefined')")
  assert.deepEqual(broken.said, [])
  assert.match(broken.ends[0] ?? '', /^It ended with code 1\. TypeError: of undefined\n/)
})

test('it can be ended at any time', async (context) => {
  const { said, ends } = await run(
    context,
    "tell(() => ({ kind: 'progress' }))\nawait new Promise(() => setInterval(() => undefined, 1000))",
    (kill) => kill(),
  )
  assert.deepEqual([said, ends], [[{ kind: 'progress' }], ['It ended with SIGKILL.']])
})

test('what can not even be started is told as ended, after its starter knows of it', async () => {
  const ends: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const { pid } = startJob({
    // Longer than the kernel takes as an argument: refused on the spot, as for want of memory.
    entry: new URL(`file:///${'x'.repeat(200_000)}.ts`),
    memoryMb: 64,
    task: {},
    hear: () => assert.fail('nobody is there to say anything'),
    ended: (how) => {
      ends.push(how)
      resolve()
    },
  })
  assert.deepEqual([pid, ends], [undefined, []])
  await promise
  assert.match(ends.join(), /^It could not be started\. Error: spawn E2BIG$/)
})
