import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { differences, profileDistance, witnessOf } from '../../engine/profile/distance.ts'
import { ParseError } from '../../terms/parse.ts'
import { type DimensionName, isPresent, PERSONALITY_SCHEMA, readDimension } from '../../terms/personality.ts'
import { encodePersonality, parsePersonality } from '../../terms/personality-codec.ts'
import { profileRecording, vmIdOfDomain } from './agentless.ts'

const RECORDING = readFileSync(new URL('../../drivers/libvirt/domstats.recording.txt', import.meta.url), 'utf8')
const MiB = 2 ** 20

function near(actual: number | undefined, expected: number, share: number): void {
  assert.ok(actual !== undefined && Math.abs(actual / expected - 1) <= share, `${actual}, expected about ${expected}`)
}

test('a recording of a crowded host becomes a personality per running domain, and a reason for the one that is off', () => {
  const { profiles, refused } = profileRecording(RECORDING)
  assert.deepEqual(
    profiles.map(({ domain, readings }) => [domain, readings]),
    [
      ['web-1', 12],
      ['it\'s "night" batch', 12],
      ['db-1', 12],
    ],
  )
  assert.deepEqual(
    refused.map(({ domain }) => domain),
    ['shut-off'],
  )
  assert.match(refused[0].because, /two looks/)
})

test('what the host counted is what the vector says: the figures of the made recording, within their noise of a tenth', () => {
  const [web, batch, db] = profileRecording(RECORDING).profiles.map(({ vector }) => vector)
  // 0.25 cores ran and 0.01 waited.
  near(readDimension(web, 'cpuRefCoresMean'), 0.26, 0.05)
  near(readDimension(web, 'netSendBytesPerSec'), 900e3, 0.05)
  // 2.6 cores ran and 1.1 waited: 1.1 / 3.7 of the demand was stolen.
  near(readDimension(batch, 'cpuRefCoresMean'), 3.7, 0.05)
  near(readDimension(batch, 'cpuStealShare'), 1.1 / 3.7, 0.05)
  near(readDimension(db, 'diskWriteBytesPerSec'), 9e6, 0.05)
  // 14 MB/s by QEMU's measurement.
  near(readDimension(db, 'memoryDirtiedBytesPerSec'), 14 * MiB, 0.001)
  // 40 reads/s at 1.1 ms and 220 writes/s at 2.3 ms: (40 x 1.1 + 220 x 2.3) / 260 = 2.12
  near(readDimension(db, 'diskLatencyMs'), 2.12, 0.03)
})

test('a vector from outside says so: counted by the host, but for what only the guest can tell; what nobody saw is absent', () => {
  const { vector } = profileRecording(RECORDING, { domain: 'db-1' }).profiles[0]
  assert.equal(vector.sender, 'server')
  assert.equal(witnessOf(vector, 'diskWriteBytesPerSec'), 'host')
  assert.equal(witnessOf(vector, 'phase'), 'host')
  assert.equal(witnessOf(vector, 'memoryUsedBytes'), 'guest')
  assert.equal(witnessOf({ sender: '0123456789abcdef' }, 'diskWriteBytesPerSec'), 'guest')
  const inside: readonly DimensionName[] = ['cpuUserShare', 'runQueueLength', 'systemCallsFilePerSec', 'processCount']
  for (const name of inside) assert.equal(readDimension(vector, name), undefined)
  PERSONALITY_SCHEMA.forEach(({ name, source }, i) => {
    if (source === 'hypervisor' && isPresent(vector, i)) assert.equal(witnessOf(vector, name), 'host')
  })
  assert.equal(encodePersonality(parsePersonality(encodePersonality(vector))), encodePersonality(vector))
})

test('a web server, a burner and a database are told apart from outside', () => {
  const { profiles } = profileRecording(RECORDING)
  const half = RECORDING.split('\n')
  const later = half.slice(half.findIndex((line, i) => i > half.length / 2 && /^\d{10}\./.test(line))).join('\n')
  for (const { domain, vector } of profileRecording(later).profiles) {
    const distances = profiles.map((profile) => ({ ...profile, distance: profileDistance(vector, profile.vector) }))
    const [nearest, next] = distances.toSorted((a, b) => a.distance - b.distance)
    assert.equal(nearest.domain, domain)
    assert.ok(next.distance > 5 * nearest.distance, `${nearest.distance} ${next.distance}`)
  }
  const [web, batch] = profiles.map(({ vector }) => vector)
  assert.match(differences(web, batch)[0].name, /^net/)
})

test('one domain can be asked for; one that is not there is refused with those that are', () => {
  assert.deepEqual(
    profileRecording(RECORDING, { domain: 'web-1' }).profiles.map(({ domain }) => domain),
    ['web-1'],
  )
  assert.throws(() => profileRecording(RECORDING, { domain: 'web-2' }), /web-1/)
  assert.throws(() => profileRecording('cpu.time=1'), ParseError)
  assert.deepEqual(profileRecording('').profiles, [])
})

test('a name of libvirt becomes an id that no other name becomes', () => {
  assert.equal(vmIdOfDomain('web-1'), 'web-1')
  assert.equal(vmIdOfDomain('it\'s "night" batch'), "it's%20%22night%22%20batch")
  assert.equal(vmIdOfDomain('a%20b'), 'a%2520b')
  assert.equal(vmIdOfDomain('\u00fc'), '%C3%BC')
  assert.equal(vmIdOfDomain('\u001b[31m'), '%1B[31m')
  assert.equal(vmIdOfDomain('\ud800'), undefined)
  assert.equal(vmIdOfDomain('x'.repeat(65)), undefined)
  assert.equal(vmIdOfDomain(''), undefined)
})

test('a domain that was started anew goes on: the pair over the restart is left out, and no rate is negative', () => {
  const restarted = RECORDING.replaceAll(/cpu\.time=(\d+)/g, (text, digits: string, place: number) =>
    place > RECORDING.length / 2 ? `cpu.time=${Number(digits) - 90e9}` : text,
  )
  for (const { vector, readings } of profileRecording(restarted).profiles) {
    assert.equal(readings, 11)
    vector.values.slice(0, 48).forEach((value) => assert.ok(value >= 0))
  }
})

test('a recording of real guests tells what those who loaded them know, and what the agents within told at the time', () => {
  // Recorded by `npm run test:long -- guest-workloads` on libvirt 9.0: vm1 serves a page of 4 KiB 56 times a second, vm3 writes 6 MiB/s.
  const path = new URL('../../drivers/libvirt/domstats-testbed.recording.txt', import.meta.url)
  const { profiles, refused } = profileRecording(readFileSync(path, 'utf8'))
  assert.deepEqual([profiles.map(({ domain }) => domain), refused], [['vm1', 'vm3'], []])
  const [web, writer] = profiles.map(({ vector }) => vector)
  // The agent in vm1 told 266 000 bytes/s sent and 121 packets/s received.
  near(readDimension(web, 'netSendBytesPerSec'), 266_000, 0.02)
  near(readDimension(web, 'netReceivePacketsPerSec'), 121, 0.02)
  near(readDimension(writer, 'diskWriteBytesPerSec'), 6 * MiB, 0.05)
  assert.equal(witnessOf(web, 'netSendBytesPerSec'), 'host')
  assert.equal(readDimension(web, 'memoryDirtiedBytesPerSec'), undefined, 'nobody had asked QEMU to measure it')
})
