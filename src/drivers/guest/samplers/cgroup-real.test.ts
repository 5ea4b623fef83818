/** The control group sampler in real groups of version 2, as far as this machine lets us make some. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'

const MOUNT = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(`${path}/cgroup.controllers`))
const name = `ethos-test-${process.pid}`
const group = join(MOUNT ?? '/none', name)
const skip = whyNot()

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to make a group'
  if (MOUNT === undefined) return 'version 2 of control groups is not mounted here'
  if (!readFileSync('/proc/self/cgroup', 'utf8').includes('0::/')) return 'this process is in no group of version 2'
  try {
    mkdirSync(group)
    return false
  } catch (error) {
    return `no group can be made here: ${String(error)}`
  }
}

after(() => {
  if (skip === false) rmdirSync(group)
})

/** Looks twice from within the group, half a second apart, while a burner in the same group keeps one CPU busy. Prints details and findings. */
const PROGRAM = `
const { nodeMachine } = await import(process.env.MACHINE)
const { CgroupSampler } = await import(process.env.SAMPLER)
const { spawn } = await import('node:child_process')
const sampler = new CgroupSampler(nodeMachine())
const burner = spawn(process.execPath, ['-e', 'for (;;);'])
await new Promise((resolve) => setTimeout(resolve, 500))
const details = {}
const look = () =>
  sampler.sample(
    { at: 0, monotonicMs: performance.now(), wantsDetails: true },
    { put() { throw new Error('the vector tells of the whole guest') }, detail({ name, value }) { details[name] = value } },
  )
look()
await new Promise((resolve) => setTimeout(resolve, 1500))
look()
burner.kill('SIGKILL')
console.log(JSON.stringify({ details, findings: sampler.findings() }))
`

interface Told {
  readonly details: Readonly<Record<string, number>>
  readonly findings: readonly { readonly state: string; readonly because: string }[]
}

const hasPids = skip === false && readFileSync(`${MOUNT}/cgroup.controllers`, 'utf8').split(/\s/).includes('pids')

/** At most 77 tasks in the group, where this version has the controller. Returns how to undo it. */
function limitTasks(): () => void {
  if (!hasPids) return () => undefined
  const enabled = join(MOUNT ?? '', 'cgroup.subtree_control')
  const wasEnabled = readFileSync(enabled, 'utf8').split(/\s/).includes('pids')
  if (!wasEnabled) writeFileSync(enabled, '+pids')
  writeFileSync(join(group, 'pids.max'), '77')
  return () => {
    if (!wasEnabled) writeFileSync(enabled, '-pids')
  }
}

function here(file: string): string {
  return new URL(file, import.meta.url).href
}

/** The program in the group; a shell puts itself there first. */
function lookFromWithin(...before: readonly string[]): Told {
  const script = `echo $$ > ${group}/cgroup.procs && exec "$@"`
  const words = ['-c', script, 'sh', ...before, process.execPath, '--input-type=module', '-e', PROGRAM]
  const env = { ...process.env, MACHINE: here('../node-machine.ts'), SAMPLER: here('cgroup.ts') }
  const { stdout, stderr, status } = spawnSync('sh', words, { encoding: 'utf8', env })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Told
}

test('in a group of its own the agent is told the CPU that all of the group used, and its limits', { skip }, () => {
  const undo = limitTasks()
  const { details, findings } = lookFromWithin()
  undo()
  // Where version 1 holds the controller there is no limit to be told.
  if (hasPids) assert.deepEqual([details['task limit'], details['tasks'] >= 2], [77, true])
  else assert.equal(details['task limit'], undefined)
  // The burner wants one CPU; others of this machine may keep some of it from it.
  assert.ok(details['CPU'] > 0.05 && details['CPU'] < 2, String(details['CPU']))
  assert.equal(findings[0]?.state, 'seen')
  assert.match(findings[0]?.because ?? '', new RegExp(`${name};`))
})

const inContainer = ['unshare', '-C', '-m', '--propagation', 'private', 'sh', '-c']
const ownMount = 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'

test('in a container, which sees its group as the root, limits and use are those of the container', { skip }, () => {
  const { details, findings } = lookFromWithin(...inContainer, ownMount, 'sh')
  assert.ok(details['CPU'] > 0.05 && details['CPU'] < 2, String(details['CPU']))
  assert.equal(findings[0]?.state, 'partly')
  assert.match(findings[0]?.because ?? '', /^a container with \/sys\/fs\/cgroup;/)
})
