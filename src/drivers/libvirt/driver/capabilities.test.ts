/** Descriptions as libvirtd 9.0 with QEMU 7.2 sent them, without KVM, read. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ParseError } from '../../../terms/parse.ts'
import { KiB, MiB } from '../../../terms/units.ts'
import { featuresOf, parseCapabilities, parseGuestCpus } from './capabilities.ts'
import { ownGuest } from './inventory.ts'

function recorded(name: string): string {
  return readFileSync(join(import.meta.dirname, `${name}.recording.txt`), 'utf8')
}

test('a host tells its CPU, its cells and pages, how memory may travel, and what it can run', () => {
  const told = parseCapabilities(recorded('capabilities'))
  assert.equal(told.uuid, '00000000-1111-4222-8333-444444444444')
  assert.deepEqual([told.architecture, told.cpu?.model, told.cpu?.vendor], ['x86_64', 'kvm64', 'AMD'])
  assert.deepEqual([told.canMigrateLive, told.migrationTransports], [true, ['tcp', 'rdma']])
  assert.deepEqual(told.pageSizesBytes, [4 * KiB, 2 * MiB, 1024 * MiB])
  const [cell, ...others] = told.cells
  assert.deepEqual([cell?.memoryBytes, cell?.cpus, others], [18_310_944 * KiB, 2, []])
  assert.deepEqual(cell?.pages[0], { sizeBytes: 4 * KiB, count: 4_577_736 })
  const guest = ownGuest(told)
  assert.deepEqual([guest?.emulator, guest?.virtualisations], ['/usr/bin/qemu-system-x86_64', ['qemu']])
  assert.ok(guest?.machines.includes('pc-q35-7.2') && guest.machines.includes('q35'))
})

test('what a guest may get is told by mode, and which named models are usable', () => {
  const told = parseGuestCpus(recorded('domain-capabilities'), 'x86_64')
  assert.deepEqual([told.virtualisation, told.canPassThrough], ['qemu', false])
  assert.deepEqual([told.hostModel?.model, told.hostModel?.vendor], ['EPYC', 'AMD'])
  assert.match(told.hostModel?.xml ?? '', /^<cpu><arch>x86_64<\/arch><model fallback='forbid'>EPYC<\/model>.*<\/cpu>$/s)
  assert.ok(told.usableModels.includes('Westmere') && !told.usableModels.includes('Snowridge'))
})

test('features that are switched off are none', () => {
  const xml = "<cpu><feature policy='require' name='b'/><feature policy='disable' name='c'/><feature name='a'/></cpu>"
  assert.deepEqual(featuresOf(xml), ['a', 'b'])
})

test('what is not there is absent, and what is no XML is refused', () => {
  assert.deepEqual(parseCapabilities('<capabilities/>'), {
    cells: [],
    pageSizesBytes: [],
    canMigrateLive: false,
    migrationTransports: [],
    guests: [],
  })
  assert.throws(() => parseCapabilities('<capabilities>'), ParseError)
})
