import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId } from '../../../terms/ids.ts'
import { cpuBaseline, cpuRemedy, listed } from './cpu-baseline.ts'
import type { ToldHost } from './inventory.ts'

interface Machine {
  readonly vendor?: string
  readonly model?: string
  readonly features?: readonly string[]
  readonly usable?: readonly string[]
  readonly machines?: readonly string[]
  readonly virtualisation?: string
}

function aHost(id: string, machine: Machine = {}): ToldHost {
  const { vendor = 'Intel', model = 'Broadwell', features, usable = ['qemu64'], machines = ['pc-q35-7.2'] } = machine
  const { virtualisation = 'kvm' } = machine
  const cpu = { model, vendor, xml: `<cpu><arch>x86_64</arch><model>${model}</model></cpu>` }
  const guest = { architecture: 'x86_64', machines: ['q35', ...machines], virtualisations: [virtualisation] }
  return {
    kind: 'told',
    hostId: parseHostId(id),
    at: 0,
    hostname: id,
    capabilities: {
      architecture: 'x86_64',
      cpu,
      cells: [],
      pageSizesBytes: [],
      canMigrateLive: true,
      migrationTransports: ['tcp'],
      guests: [guest],
    },
    guestCpus: { virtualisation, hostModel: cpu, canPassThrough: true, usableModels: usable },
    ...(features === undefined ? {} : { guestFeatures: features }),
    untold: [],
  }
}

const OLD = { model: 'Haswell', features: ['avx', 'avx2'] }
const NEW = { model: 'Skylake', features: ['avx', 'avx2', 'avx512f'], usable: ['Haswell', 'qemu64'] }

test('hosts that are alike take all of each other, and there is nothing to do', () => {
  const baseline = cpuBaseline([aHost('a', OLD), aHost('b', OLD)])
  assert.deepEqual(
    baseline.kinds.map(({ hosts }) => hosts),
    [['a', 'b']],
  )
  assert.deepEqual([baseline.pairs, baseline.apart, cpuRemedy(baseline)], [[], [], undefined])
  assert.deepEqual(baseline.sharedFeatures, ['avx', 'avx2'])
})

test('a newer CPU takes VMs of an older one, and not the other way round; the one that stands apart is named with what it has', () => {
  const baseline = cpuBaseline([aHost('new', NEW), aHost('old-1', OLD), aHost('old-2', OLD)])
  assert.deepEqual(
    baseline.pairs.map(({ from, to, verdict, featuresLacking }) => [
      from.hosts[0],
      to.hosts[0],
      verdict,
      featuresLacking,
    ]),
    [
      ['old-1', 'new', 'yes', []],
      ['new', 'old-1', 'no', ['avx512f']],
    ],
  )
  const [apart, ...others] = baseline.apart
  assert.deepEqual(
    [apart?.kind.hosts, apart?.featuresLacking, apart?.featuresMore, others],
    [['new'], [], ['avx512f'], []],
  )
  assert.equal(apart?.reason, 'It has avx512f beside.')
  assert.deepEqual(baseline.sharedFeatures, ['avx', 'avx2'])
  assert.deepEqual(baseline.sharedModels, ['qemu64'])
})

test('the remedy is what libvirt says all share; else models that all can give; else how to find out', () => {
  const baseline = cpuBaseline([aHost('new', NEW), aHost('old', OLD)])
  assert.match(cpuRemedy(baseline, { model: 'Haswell', xml: '<cpu/>' }) ?? '', /^Set VMs' CPU to Haswell /)
  assert.match(cpuRemedy(baseline) ?? '', /model that all hosts can give: qemu64\./)
  const apart = cpuBaseline([aHost('new', NEW), aHost('old', { ...OLD, usable: ['Penryn'] })])
  assert.match(cpuRemedy(apart) ?? '', /virsh hypervisor-cpu-baseline/)
})

test('CPUs of two makers share nothing, whatever their features', () => {
  const baseline = cpuBaseline([aHost('amd', { ...OLD, vendor: 'AMD' }), aHost('intel', OLD)])
  assert.deepEqual(
    baseline.pairs.map(({ verdict }) => verdict),
    ['no', 'no'],
  )
  assert.equal(baseline.sharedFeatures, undefined)
  assert.match(cpuRemedy(baseline) ?? '', /^No CPU is common to all: .*within each group only: amd \/ intel\.$/)
})

test('a host without KVM takes no VM that has it, and says where to look', () => {
  const { pairs } = cpuBaseline([aHost('bare', { ...OLD, virtualisation: 'qemu' }), aHost('kvm', OLD)])
  const toBare = pairs.find(({ to }) => to.hosts[0] === 'bare')
  assert.ok(toBare?.verdict === 'no' && /\/dev\/kvm/.test(toBare.reason ?? ''))
  assert.equal(pairs.find(({ from }) => from.hosts[0] === 'bare')?.verdict, 'yes')
})

test('what a host does not tell is not known: neither yes nor no, and no share is made up', () => {
  const silent = aHost('silent', { model: 'Nehalem' })
  const { pairs, sharedFeatures } = cpuBaseline([aHost('told', OLD), silent])
  assert.deepEqual(
    pairs.map(({ verdict, reason }) => [verdict, reason]),
    Array.from({ length: 2 }, () => ['unknown', 'What the CPU of silent can is not told.']),
  )
  assert.equal(sharedFeatures, undefined)
})

test('machine types that one QEMU alone knows are told; the CPU goes all the same', () => {
  const older = { ...OLD, machines: ['pc-q35-6.2'] }
  const { pairs, apart } = cpuBaseline([aHost('a', OLD), aHost('b', OLD), aHost('c', older)])
  const back = pairs.find(({ to }) => to.hosts[0] === 'c')
  assert.deepEqual([back?.verdict, back?.machinesLacking], ['yes', ['pc-q35-7.2']])
  assert.match(apart[0]?.reason ?? '', /does not know machine types pc-q35-7\.2/)
})

test('a thousand hosts of three kinds make three kinds and six pairs', () => {
  const kinds = [OLD, NEW, { model: 'Penryn', features: ['sse4'] }]
  const { kinds: found, pairs } = cpuBaseline(Array.from({ length: 1000 }, (_, i) => aHost(`h${i}`, kinds[i % 3])))
  assert.deepEqual([found.length, pairs.length], [3, 6])
})

test('long lists of names are cut, and say so', () => {
  assert.equal(listed(['a', 'b', 'c'], 2), 'a, b and 1 more')
})
