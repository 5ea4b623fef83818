import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../repository.ts'

const ANALYZE = '/usr/bin/systemd-analyze'
const skip = existsSync(ANALYZE) ? false : 'systemd-analyze is not installed'
const UNITS = join(REPOSITORY, 'packaging', 'systemd')

const SERVICES = [
  'ethos-agent.service',
  'ethos-agent-probes.service',
  'ethos-agent-dirty-pages.service',
  'ethos-server.service',
  'ethos-reporter.service',
]

function unit(name: string): string {
  return readFileSync(join(UNITS, name), 'utf8')
}

for (const name of SERVICES) {
  test(`${name} is exposed by at most 2.0 of 10`, { skip }, () => {
    const words = ['security', '--offline=true', '--threshold=20', '--no-pager', join(UNITS, name)]
    const { status, stdout, stderr } = spawnSync(ANALYZE, words, { encoding: 'utf8' })
    assert.equal(status, 0, `${stdout.split('\n').at(-2)}\n${stderr}`)
    const line = new RegExp(`Overall exposure level for ${name.replaceAll('.', '\\.')}: ([01]\\.\\d|2\\.0) `)
    assert.match(stdout, line)
  })
}

test('systemd understands every line of the units', { skip }, () => {
  // A tree in which what the units run is there, so that nothing but their own lines can be complained of.
  const root = mkdtempSync(join(tmpdir(), 'ethos-units-'))
  try {
    for (const folder of ['usr/bin', 'bin', 'etc/systemd/system']) mkdirSync(join(root, folder), { recursive: true })
    for (const program of ['usr/bin/ethos-agent', 'usr/bin/ethos', 'bin/kill'])
      writeFileSync(join(root, program), '#!/bin/sh\n', { mode: 0o755 })
    const timers = ['ethos-agent-probes.timer', 'ethos-agent-dirty-pages.timer']
    const names = [...SERVICES, ...timers]
    for (const name of names) writeFileSync(join(root, 'etc/systemd/system', name), unit(name))
    for (const name of [
      'sysinit',
      'basic',
      'shutdown',
      'network-online',
      'multi-user',
      'timers',
      'time-sync',
      'time-set',
    ])
      writeFileSync(join(root, 'etc/systemd/system', `${name}.target`), '[Unit]\nDescription=there\n')
    const words = ['verify', `--root=${root}`, '--man=no', ...names]
    const { status, stderr } = spawnSync(ANALYZE, words, { encoding: 'utf8' })
    const complaints = stderr.split('\n').filter((line) => line.includes('ethos-'))
    assert.deepEqual([status, complaints], [0, []], stderr)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test('the dirty-pages helper holds two capabilities, no socket and no network', () => {
  const text = unit('ethos-agent-dirty-pages.service')
  assert.match(text, /^CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_OVERRIDE$/m)
  assert.match(text, /^RestrictAddressFamilies=none$/m)
  assert.match(text, /^PrivateNetwork=yes$/m)
})

test('the probe helper holds two capabilities, no socket and no network', () => {
  const text = unit('ethos-agent-probes.service')
  assert.match(text, /^CapabilityBoundingSet=CAP_BPF CAP_PERFMON$/m)
  assert.match(text, /^RestrictAddressFamilies=none$/m)
  assert.match(text, /^PrivateNetwork=yes$/m)
  assert.match(text, /^ExecStopPost=.* probe-helper clean$/m)
})

test('the agent holds no capability and is never root', () => {
  const text = unit('ethos-agent.service')
  assert.match(text, /^CapabilityBoundingSet=$/m)
  assert.match(text, /^User=ethos-agent$/m)
  assert.match(unit('ethos-agent.sysusers'), /^u ethos-agent /m)
})

test('the server holds no capability and is never root', () => {
  const text = unit('ethos-server.service')
  assert.match(text, /^CapabilityBoundingSet=$/m)
  assert.match(text, /^User=ethos$/m)
  assert.match(unit('ethos-server.sysusers'), /^u ethos /m)
})
