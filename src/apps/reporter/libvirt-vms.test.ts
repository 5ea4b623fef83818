import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LibvirtVms } from './libvirt-vms.ts'
import { ReporterError } from './reporter-error.ts'

const NOW = 1_795_760_933_000

/** What domstats says of one VM. */
function aDomain(name: string, state: number, reason: number, cpuSec = 1): string {
  return `Domain: '${name}'\n  state.state=${state}\n  state.reason=${reason}\n  cpu.time=${cpuSec * 1e9}\n  vcpu.current=1\n  balloon.maximum=196608\n\n`
}

/** The states that are told after each look at one VM. */
function toldOf(looks: readonly (readonly [state: number, reason: number])[]): readonly (string | undefined)[] {
  const vms = new LibvirtVms(1, () => undefined)
  return looks.map(([state, reason], i) => {
    vms.look(aDomain('vm1', state, reason, i), NOW + i * 1000)
    return vms.report()[0]?.state
  })
}

// As libvirt 9.0 and QEMU 7.2 of Debian 12 were seen to say it, on both ends of one live migration.
test('a VM that arrives is incoming from the first look until it runs', () => {
  assert.deepEqual(
    toldOf([
      [3, 11],
      [3, 2],
      [3, 2],
      [1, 2],
    ]),
    ['incoming', 'incoming', 'incoming', 'running'],
  )
})

test('a VM that leaves runs until the last second, is paused then, and is gone or off', () => {
  assert.deepEqual(
    toldOf([
      [1, 1],
      [1, 1],
      [3, 2],
      [5, 3],
    ]),
    ['running', 'running', 'paused', undefined],
  )
})

test('with post-copy it runs on its target while memory still arrives, and holds its memory on the source', () => {
  assert.deepEqual(
    toldOf([
      [3, 11],
      [3, 2],
      [1, 10],
      [1, 2],
    ]),
    ['incoming', 'incoming', 'running', 'running'],
  )
  assert.deepEqual(
    toldOf([
      [1, 2],
      [3, 12],
    ]),
    ['running', 'paused'],
  )
})

test('a VM that its owner has paused is no arrival', () => {
  assert.deepEqual(
    toldOf([
      [3, 1],
      [1, 5],
      [3, 1],
    ]),
    ['paused', 'running', 'paused'],
  )
})

test('means are over all looks until a report was taken; after the clock has jumped nothing is compared with before', () => {
  const vms = new LibvirtVms(2, () => undefined)
  const look = (cpuSec: number, at: number): void => vms.look(aDomain('vm1', 1, 1, cpuSec), at)
  look(0, NOW)
  look(1, NOW + 10_000)
  assert.deepEqual(vms.report()[0].mean, { cpu: 0.2 })
  look(4, NOW + 20_000)
  assert.deepEqual([vms.report()[0].mean, vms.report()[0].max], [{ cpu: 0.4 }, { cpu: 0.6 }])
  vms.begin()
  assert.deepEqual(vms.report()[0].mean, {})
  vms.startOver()
  look(5, NOW + 3_600_000)
  assert.deepEqual(vms.report()[0].mean, {}, 'an hour that was none is in no mean')
  look(6, NOW + 3_610_000)
  assert.deepEqual(vms.report()[0].mean, { cpu: 0.2 })
})

test('a name that can be none is left out and told once, also when the names are many and odd', () => {
  const told: string[] = []
  const vms = new LibvirtVms(1, (text) => void told.push(text))
  const odd = ['a b', `x${'y'.repeat(200)}`, "it's", 'z\u009b2J', '"'].map((name) => aDomain(name, 1, 1)).join('')
  for (let i = 0; i < 3; i++) {
    vms.look(odd + aDomain('vm1', 1, 1), NOW + i * 1000)
    assert.deepEqual(
      vms.report().map(({ vm }) => vm.id),
      ["it's", 'vm1'],
    )
  }
  assert.equal(told.length, 4)
})

test('what is no answer of virsh is an error of libvirt, and not an empty host', () => {
  const vms = new LibvirtVms(1, () => undefined)
  assert.throws(() => vms.look('<html>', NOW), ReporterError)
  vms.look('', NOW)
  assert.deepEqual(vms.report(), [])
})
