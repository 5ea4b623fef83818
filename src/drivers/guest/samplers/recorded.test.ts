/** Files of two real kernels: Debian 12's 6.1 in a small guest without disk and network, and a 6.18 with control groups of both versions. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { nodeMachine } from '../node-machine.ts'
import { SAMPLER_NAMES } from '../sampler.ts'
import { type Looked, lookAt } from './looking.ts'
import { makeSamplers } from './make-samplers.ts'

const KIB = 1024

/** Two looks at files that do not change: levels are what they are, and every rate that could be known is zero. */
function looksAt(tree: string): {
  readonly measured: Looked['measured']
  readonly said: Readonly<Record<string, string>>
} {
  const machine = nodeMachine({ root: fileURLToPath(new URL(`recorded/${tree}`, import.meta.url)) })
  const samplers = makeSamplers(machine, new Set(SAMPLER_NAMES))
  for (const sampler of samplers) lookAt(sampler, 0)
  const measured = Object.assign({}, ...samplers.map((sampler) => lookAt(sampler, 5000).measured)) as Looked['measured']
  const said: Record<string, string> = {}
  for (const sampler of samplers) {
    for (const { what, state, because } of sampler.findings() as readonly {
      what: string
      state: string
      because: string
    }[])
      said[what] = `${state}: ${because}`
  }
  return { measured, said }
}

test('Linux 6.1 of Debian, a guest without disk and network: what is there is read, what is not is absent', () => {
  const { measured, said } = looksAt('linux-6.1-debian')
  assert.deepEqual(measured, {
    cpuRefCoresMean: 0,
    contextSwitchesPerSec: 0,
    // Two were running, one of them the program that read.
    runQueueLength: 1,
    cpuPressureSome: 0,
    memoryPressureSome: 0,
    ioPressureSome: 0,
    // 1 509 928 - 1 246 620; Cached is all Shmem, so that 9 612 of reclaimable slab are left; nothing is active.
    memoryUsedBytes: 263_308 * KIB,
    memoryCachedBytes: 9612 * KIB,
    memoryWorkingSetBytes: 263_308 * KIB,
    memoryDirtiedBytesPerSec: 0,
    majorFaultsPerSec: 0,
    swapBytesPerSec: 0,
    netRetransmitsPerSec: 0,
    // The tree has the first process, and the parent of the kernel's threads.
    processCount: 1,
    processBirthsPerSec: 0,
    processDeathsPerSec: 0,
    socketPeers: 0,
  })
  assert.match(said['steal: CPU that the host gave to others'], /^absent/)
  assert.match(said['pressure of io (PSI)'], /^seen/)
})

test('Linux 6.18 with both versions of control groups: the disk, the interface with a device, the group of version 2', () => {
  const { measured, said } = looksAt('linux-6.18-hybrid')
  // 24 684 084 - 23 786 980; 1 209 356 + 22 972 + 245 964 - 8 872; active files 354 740.
  assert.equal(measured.memoryUsedBytes, 897_104 * KIB)
  assert.equal(measured.memoryCachedBytes, 1_469_420 * KIB)
  assert.equal(measured.memoryWorkingSetBytes, (897_104 + 354_740) * KIB)
  assert.equal(measured.diskReadBytesPerSec, 0)
  assert.equal(measured.diskLatencyMs, undefined)
  assert.equal(measured.netReceiveBytesPerSec, 0)
  assert.equal(said['disk operations, bytes, latency, queue'], 'seen: /proc/diskstats: vda')
  assert.equal(said['bytes, packets, drops'], 'seen: /proc/net/dev: eth0')
  assert.match(said['own control group (v2)'], /^seen: \/sys\/fs\/cgroup\/unified/)
  assert.match(said['steal: CPU that the host gave to others'], /^seen/)
})
