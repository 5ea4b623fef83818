import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { CgroupSampler } from './cgroup.ts'
import { lookAt, lookTwice } from './looking.ts'

const cpuStat = (usageUs: number, periods: number, throttled: number, throttledUs: number): string =>
  `usage_usec ${usageUs}\nuser_usec 0\nsystem_usec 0\nnr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_usec ${throttledUs}\n`

test('a container is told its use, its limits and how often it was throttled; the vector keeps to the whole guest', () => {
  const guest = new FakeMachine({
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/cgroup.type': 'domain\n',
    '/sys/fs/cgroup/cpu.stat': cpuStat(0, 0, 0, 0),
    '/sys/fs/cgroup/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/memory.current': '1048576\n',
    '/sys/fs/cgroup/memory.max': '2097152\n',
    '/sys/fs/cgroup/pids.max': 'max\n',
    '/sys/fs/cgroup/io.stat': '254:0 rbytes=0 wbytes=0 rios=0\n8:0 rbytes=0 wbytes=0 rios=0\n',
    '/sys/fs/cgroup/memory.pressure': 'some avg10=0 total=0\nfull avg10=0 total=0\n',
  })
  const sampler = new CgroupSampler(guest)
  const { measured, details } = lookTwice(sampler, guest.texts, {
    '/sys/fs/cgroup/cpu.stat': cpuStat(2_500_000, 50, 40, 10_000_000),
    '/sys/fs/cgroup/io.stat': '254:0 rbytes=1000 wbytes=2000 rios=1\n8:0 rbytes=4000 wbytes=0 rios=1\n',
    '/sys/fs/cgroup/memory.pressure': 'some avg10=0 total=2500000\nfull avg10=0 total=500000\n',
  })
  assert.deepEqual(measured, {})
  assert.deepEqual(details, {
    // 2.5 s of CPU in 5 s; 40 of 50 periods; 10 s of waiting in 5 s: two tasks at a time.
    CPU: 0.5,
    'CPU limit': 0.5,
    'periods throttled': 0.8,
    'waiting while throttled': 2,
    memory: 1_048_576,
    'memory limit': 2_097_152,
    read: 1000,
    written: 400,
    // 2.5 s and 0.5 s of 5.
    'memory pressure some': 0.5,
    'memory pressure full': 0.1,
  })
  assert.equal(sampler.findings()[0].state, 'partly')
})

test('a service of the guest may use no more than any group above it', () => {
  const own = '/sys/fs/cgroup/system.slice/ethos-agent.service'
  const guest = new FakeMachine({
    '/proc/self/cgroup': '0::/system.slice/ethos-agent.service\n',
    [`${own}/cpu.stat`]: cpuStat(0, 0, 0, 0),
    [`${own}/memory.max`]: '200\n',
    '/sys/fs/cgroup/system.slice/memory.max': '100\n',
    [`${own}/cpu.max`]: 'max 100000\n',
  })
  const sampler = new CgroupSampler(guest)
  const { details } = lookAt(sampler, 0)
  assert.equal(details['memory limit'], 100)
  assert.equal(details['CPU limit'], undefined)
  assert.equal(sampler.findings()[0].state, 'seen')
})

test('beside version 1 the group of version 2 is found; without it the sampler says so and puts nothing', () => {
  const hybrid = new FakeMachine({
    '/proc/self/cgroup': '9:name=systemd:/\n1:cpu:/\n0::/\n',
    '/sys/fs/cgroup/unified/cpu.stat': 'usage_usec 1\n',
  })
  assert.match(new CgroupSampler(hybrid).findings()[0].because, /unified/)
  for (const text of ['', '1:cpu:/\n', '0::/../../etc\n', '0::relative\n']) {
    const sampler = new CgroupSampler(new FakeMachine({ '/proc/self/cgroup': text }))
    assert.equal(sampler.findings()[0].state, 'absent', text)
    assert.deepEqual(lookAt(sampler, 0).details, {})
  }
})
