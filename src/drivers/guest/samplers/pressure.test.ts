import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { lookAt, lookTwice } from './looking.ts'
import { PressureSampler } from './pressure.ts'

const pressureText = (someUs: number, fullUs = 0): string =>
  `some avg10=1.00 avg60=2.50 avg300=0.00 total=${someUs}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${fullUs}\n`

test('pressure is the rise of the total over the span, and what the kernel does not keep is absent', () => {
  const guest = new FakeMachine({ '/proc/pressure/cpu': pressureText(1000) })
  const { measured, details } = lookTwice(new PressureSampler(guest), guest.texts, {
    '/proc/pressure/cpu': pressureText(501_000, 250_000),
  })
  // 500 000 us of 5 s are a tenth; there is no file for memory and io.
  assert.deepEqual(measured, { cpuPressureSome: 0.1 })
  assert.deepEqual(details, { 'cpu pressure full': 0.05, 'cpu pressure some, in a minute': 0.025 })
})

const line = (total: number): string => `some avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\n`

test('a kernel before 5.13 has no full line for the CPU: that is absent and the rest is not', () => {
  const guest = new FakeMachine({ '/proc/pressure/cpu': line(0) })
  const { measured, details } = lookTwice(new PressureSampler(guest), guest.texts, {
    '/proc/pressure/cpu': line(5_000_000),
  })
  assert.equal(measured.cpuPressureSome, 1)
  assert.equal(details['cpu pressure full'], undefined)
})

test('pressure is never more than the whole time', () => {
  const guest = new FakeMachine({ '/proc/pressure/io': pressureText(0) })
  // Brought up to date 20 ms late: 5.02 s in 5 s.
  const { measured } = lookTwice(new PressureSampler(guest), guest.texts, {
    '/proc/pressure/io': pressureText(5_020_000),
  })
  assert.equal(measured.ioPressureSome, 1)
})

test('what is in the way is told apart: no PSI, switched off, forbidden', () => {
  const guest = new FakeMachine({
    '/proc/stat': 'cpu ',
    '/proc/pressure/cpu': '',
    '/proc/pressure/memory': pressureText(1),
  })
  guest.denied.add('/proc/pressure/memory')
  const findings = new PressureSampler(guest).findings()
  // Switched off, the file is there and reading it fails (EOPNOTSUPP), which leaves no text.
  assert.match(findings[0].because, /switched off/)
  assert.match(findings[1].because, /may not be read/)
  assert.match(findings[2].because, /no PSI/)
  assert.ok(findings.every(({ state, remedy }) => state === 'absent' && remedy?.includes('psi=1')))
  assert.deepEqual(lookAt(new PressureSampler(guest), 0).measured, {})
  // Without /proc no kernel can tell, and booting it otherwise would not help.
  assert.match(new PressureSampler(new FakeMachine({})).findings()[0].remedy ?? '', /mount \/proc/)
})
