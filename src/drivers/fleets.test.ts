import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { hostCapacityRefCores } from '../terms/host.ts'
import { ParseError } from '../terms/parse.ts'
import { GiB } from '../terms/units.ts'
import { describeFleet, fleetNames, loadFleet, parseFleet, resizeFleet, SSJ_OPS_PER_REF_CORE } from './fleets.ts'
import { loadTrace } from './traces/load-trace.ts'
import { loadScenario, openScenario, parseScenario, scenarioNames } from './scenarios.ts'

const SERVER = {
  model: 'Example R1',
  cpuType: 'Example',
  cores: 16,
  refCoresPerCore: 1.5,
  memoryBytes: 64 * GiB,
  storageType: 'ssd',
  networkBytesPerSec: 1.25e9,
  powerWatts: [86, 181, 215, 253, 287, 315, 340, 377, 421, 483, 562],
}

function aFleet(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'mine', hosts: [{ server: 'r1', count: 2 }], servers: { r1: SERVER }, ...rest }
}

test("the cloudsim fleet is CloudSim's: 800 hosts, G4 and G5 in turns", () => {
  const { hosts } = loadFleet('cloudsim')
  assert.equal(hosts.length, 800)
  assert.deepEqual(
    hosts.slice(0, 3).map((host) => host.id),
    ['g4-000', 'g5-001', 'g4-002'],
  )
  assert.deepEqual([hosts[0], hosts[1]].map(hostCapacityRefCores), [3.72, 5.32])
  assert.ok(hosts.every((host) => host.memoryBytes === 4 * GiB && host.networkBytesPerSec === 125e6))
  assert.deepEqual([hosts[0].powerWatts[0], hosts[1].powerWatts[10]], [86, 135])
})

test('every shipped fleet is of named servers with sources, and reckons reference cores as it says', () => {
  assert.deepEqual(fleetNames(), [
    'cloudsim',
    'generations-2013-2021',
    'virtualisation-2022',
    'virtualisation-2022-1tb',
  ])
  for (const name of fleetNames()) {
    const fleet = loadFleet(name)
    assert.equal(fleet.name, name)
    assert.ok(fleet.comment.length > 0 && fleet.sources.length > 0)
    assert.equal(new Set(fleet.hosts.map((host) => host.id)).size, fleet.hosts.length)
    for (const { server } of fleet.groups) {
      const integer = server.benchmarks.integer
      assert.ok(integer !== undefined, `${server.model} has no score`)
      const perRefCore = integer.unit === 'MIPS' ? 1000 : SSJ_OPS_PER_REF_CORE
      assert.ok(Math.abs(integer.score / server.cores / perRefCore - server.refCoresPerCore) < 1e-4, server.model)
      assert.ok(name === 'cloudsim' || server.refCoresPerCore >= 1, 'a vCPU of one reference core fits every core')
    }
  }
})

test('servers may be named with counts, one by one', () => {
  const { hosts } = loadFleet('dell-r940=2,lenovo-sr645=1')
  assert.deepEqual(
    hosts.map((host) => host.id),
    ['dell-r940-00', 'dell-r940-01', 'lenovo-sr645-02'],
  )
  assert.throws(() => loadFleet('dell-r941=1'), /--hosts: "dell-r941".*Expected one of the servers: .*dell-r940/)
  for (const typed of ['x', '', '0', '1.5', '4=5', '100001'])
    assert.throws(
      () => loadFleet(`dell-r940=${typed}`),
      (error) =>
        error instanceof ParseError &&
        error.message ===
          `--hosts dell-r940: "${typed}" is not usable. Expected a whole number from 1 to 100000, as in dell-r940=4.`,
    )
  assert.throws(() => loadFleet('dell-r940=1,lenovo-sr645'), /--hosts lenovo-sr645: missing\. Expected a whole number/)
  assert.throws(() => loadFleet('dell-r940=1,dell-r940=2'), /Name each server once/)
  assert.throws(() => loadFleet('nothing'), /Expected cloudsim, generations/)
  assert.throws(() => loadFleet('no/such.json'), /There is no such file/)
})

test('a fleet of another size keeps its mix', () => {
  const fleet = loadFleet('virtualisation-2022')
  // 8, 6, 6 and 2 of 22 become 10.9, 8.2, 8.2 and 2.7 of 30: the two hosts left go to the largest remainders.
  const larger = resizeFleet(fleet, 30)
  assert.deepEqual(
    larger.groups.map(({ count }) => count),
    [11, 8, 8, 3],
  )
  assert.equal(larger.hosts.length, 30)
  assert.deepEqual(describeFleet(fleet)[0].count, 8)
})

for (const [what, fleet, place, remedy] of [
  [
    'no power curve',
    aFleet({ servers: { r1: { ...SERVER, powerWatts: undefined } } }),
    'servers.r1.powerWatts',
    /needs its power curve/,
  ],
  [
    'ten watts',
    aFleet({ servers: { r1: { ...SERVER, powerWatts: SERVER.powerWatts.slice(1) } } }),
    'servers.r1.powerWatts',
    /eleven/,
  ],
  [
    'falling watts',
    aFleet({ servers: { r1: { ...SERVER, powerWatts: SERVER.powerWatts.toReversed() } } }),
    'servers.r1.powerWatts[1]',
    /may not fall/,
  ],
  ['no cores', aFleet({ servers: { r1: { ...SERVER, cores: 0 } } }), 'servers.r1.cores', /from 1/],
  [
    'unknown server',
    aFleet({ hosts: [{ server: 'r2', count: 1 }] }),
    'hosts[0].server',
    /Expected one of the servers: r1/,
  ],
  ['no hosts', aFleet({ hosts: [] }), 'hosts', /at least one host/],
  ['too many hosts', aFleet({ hosts: [1, 2].map(() => ({ server: 'r1', count: 60_000 })) }), 'hosts', /at most 100000/],
  ['bad count', aFleet({ hosts: [{ server: 'r1', count: 1.5 }] }), 'hosts[0].count', /whole number/],
  ['misspelt field', aFleet({ arangement: 'blocks' }), 'arangement', /Unknown field/],
  ['bad arrangement', aFleet({ arrangement: 'heaps' }), 'arrangement', /blocks, alternate/],
  ['bad key', aFleet({ servers: { 'r 1': SERVER } }), 'servers', /letters, digits/],
] as const) {
  test(`a fleet file is refused with file, place and remedy: ${what}`, () => {
    assert.throws(
      () => parseFleet(JSON.parse(JSON.stringify(fleet)), 'mine.json'),
      (error) => {
        assert.ok(error instanceof ParseError, String(error))
        assert.ok(error.place.startsWith('mine.json') && error.place.endsWith(place), error.place)
        assert.match(error.message, remedy)
        return true
      },
    )
  })
}

test('every shipped scenario reads, and names a fleet and a seed', () => {
  assert.deepEqual(scenarioNames(), [
    'azure-day',
    'scale/vms-1052',
    'scale/vms-2104',
    'scale/vms-4208',
    'scale/vms-8416',
  ])
  for (const name of scenarioNames()) {
    const scenario = loadScenario(name)
    assert.ok(scenario.comment.length > 0 && scenario.seed > 0 && scenario.policies.length > 0)
    loadFleet(scenario.hosts)
    // 1,052 VMs to 800 hosts, whatever the size.
    if (scenario.hostCount !== undefined) assert.equal((scenario.vms ?? 0) / scenario.hostCount, 1052 / 800)
  }
  assert.throws(() => loadScenario('azure-night'), /scenario: "azure-night".*Expected azure-day/)
  assert.throws(() => parseScenario({ name: 'x', trace: 'azure', hosts: 'cloudsim', sed: 1 }, 'x.json'), /x\.json\.sed/)
})

test('the day that npm run demo:backtest replays needs nothing but the repository', () => {
  const { loaded, fleet } = openScenario(loadScenario('azure-day'))
  assert.deepEqual([loaded.vms.length, fleet.hosts.length, loaded.trace.steps], [400, 30, 288])
  const memory = loaded.vms.reduce((sum, vm) => sum + vm.memoryBytes, 0)
  assert.ok(
    memory < 0.8 * fleet.hosts.reduce((sum, host) => sum + host.memoryBytes, 0),
    'the VMs fit with room to move',
  )
})

test('more VMs than a CSV has are copies of its VMs with their sizes, which is said', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-scenario-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const [trace, vmsFile] = [join(folder, 't.csv'), join(folder, 'vms.csv')]
  writeFileSync(trace, 'a,1,2\nb,3,4\n')
  writeFileSync(vmsFile, 'vm,cpu_cores,memory_mb\na,1,1024\nb,4,4096\n')
  const many = loadTrace({ trace, vmsFile, vmCount: 20 })
  const sizes = many.vms.map((vm) => `${vm.id.startsWith('a') ? 'a' : 'b'}${vm.vcpus}`)
  assert.deepEqual([...new Set(sizes)].sort(), ['a1', 'b4'])
  assert.match(many.trace.notes[0], /18 of the 20 VMs are copies of the first 2, shifted in time by seed 1/)
  assert.deepEqual(loadTrace({ trace, vmsFile, vmCount: 1 }).trace.vmNames, ['a'])
  // ceil(20 / 4) = 5 to a block: CloudSim's types are dealt to the rows there are.
  const cloudsim = loadTrace({ trace, vmCount: 20, isCloudsim: true }).vms
  assert.deepEqual(
    [0, 5, 10, 15].map((row) => cloudsim[row].refCoresPerVcpu),
    [2.5, 2, 1, 0.5],
  )
  assert.throws(() => loadTrace({ trace, vmCount: 0 }), /number of VMs: 0 is not usable/)
})
