import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Machine, MachineError } from './machine.ts'
import { nodeMachine } from './node-machine.ts'
import { SerialLines } from './uplink-serial.ts'

const real = nodeMachine()

interface Host {
  /** What the guest wrote. */
  heard: string
  /** What it will read. */
  says: string
  /** Bytes that the host takes at a time. */
  takes: number
  fails?: string
}

function aPort(host: Host): Machine {
  const check = (): void => {
    if (host.fails !== undefined) throw new MachineError(host.fails, `the port says ${host.fails}`)
  }
  const port = {
    write: (bytes: Uint8Array) => {
      check()
      const taken = Math.min(host.takes, bytes.length)
      host.heard += Buffer.from(bytes.subarray(0, taken)).toString('latin1')
      return taken
    },
    read: () => {
      check()
      const bytes = Buffer.from(host.says, 'latin1')
      host.says = ''
      return bytes
    },
    close: () => undefined,
  }
  return {
    ...real,
    network: {
      ...real.network,
      openPort: () => {
        check()
        return port
      },
    },
  }
}

test('lines go out whole however few bytes the host takes at a time, behind a line end that closes whatever was cut off', () => {
  const host: Host = { heard: '', says: '', takes: 3 }
  const serial = new SerialLines(aPort(host), '/port')
  assert.equal(serial.open(), true)
  assert.equal(serial.open(), false)
  serial.say('{"hello":1}')
  serial.exchange()
  assert.equal(host.heard, '\n{"hello":1}\n')
  assert.equal(serial.isSending, false)
})

test('while nobody takes anything a line waits, and goes on where it stopped', () => {
  const host: Host = { heard: '', says: '', takes: 0 }
  const serial = new SerialLines(aPort(host), '/port')
  serial.open()
  serial.say('abc')
  for (let look = 0; look < 100; look++) serial.exchange()
  assert.deepEqual([host.heard, serial.isSending], ['', true])
  host.takes = 100
  serial.exchange()
  assert.deepEqual([host.heard, serial.isSending], ['\nabc\n', false])
})

test('what the host says is cut into lines over any parts; a line without an end is bounded, and dropped up to its end', () => {
  const host: Host = { heard: '', says: '', takes: 100 }
  const serial = new SerialLines(aPort(host), '/port')
  serial.open()
  host.says = 'one\ntw'
  assert.deepEqual(serial.exchange(), ['one'])
  host.says = 'o\n\n\nthree\n'
  assert.deepEqual(serial.exchange(), ['two', 'three'])
  for (let part = 0; part < 200; part++) {
    host.says = '\u00ff'.repeat(65_536)
    assert.deepEqual(serial.exchange(), [])
  }
  host.says = 'tail of it\nfour\n'
  assert.deepEqual(serial.exchange(), ['four'])
})

test('a port that fails is closed, and opened anew at the next try', () => {
  const host: Host = { heard: '', says: '', takes: 100, fails: 'ENODEV' }
  const serial = new SerialLines(aPort(host), '/port')
  assert.throws(() => serial.open(), /ENODEV/)
  delete host.fails
  serial.open()
  serial.say('half')
  host.fails = 'EIO'
  assert.throws(() => serial.exchange(), /EIO/)
  delete host.fails
  assert.equal(serial.open(), true)
  serial.exchange()
  assert.equal(host.heard, '\n')
})
