import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import type { Looks } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { processorOf, symbolOffsets } from './elf.ts'
import { findLibraries, realPath } from './libraries.ts'

const root = mkdtempSync(join(tmpdir(), 'ethos-libraries-'))
after(() => rmSync(root, { recursive: true, force: true }))
const machine = nodeMachine({ root })

function put(path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

test('a library is found once, whatever links and lists name it', () => {
  put('/usr/lib/x86_64-linux-gnu/libssl.so.3')
  put('/usr/lib/x86_64-linux-gnu/libssl3.so')
  put('/usr/lib/x86_64-linux-gnu/libssl.so.3.bak')
  put('/opt/own/libssl.so.1.1')
  symlinkSync('usr/lib', join(root, 'lib'))
  symlinkSync('libssl.so.3', join(root, 'usr/lib/x86_64-linux-gnu/libssl.so'))
  const cache = [
    'glibc-ld.so.cache1.1',
    'libssl.so.3',
    '/lib/x86_64-linux-gnu/libssl.so.3',
    '/opt/own/libssl.so.1.1',
    '/gone/libssl.so.9',
  ]
  put('/etc/ld.so.cache', `${cache.join('\0')}\0`)
  put(
    '/proc/7/maps',
    '7f00-7f01 r-xp 0000 08:01 5      /opt/own/libssl.so.1.1\n7f02-7f03 r--p 0 0:0 0 /evil path/libssl.so.3\n',
  )
  assert.deepEqual(
    findLibraries(machine, ['libssl.so', 'libgnutls.so']),
    new Map([
      ['libssl.so', ['/usr/lib/x86_64-linux-gnu/libssl.so.3', '/opt/own/libssl.so.1.1']],
      ['libgnutls.so', []],
    ]),
  )
})

test('what somebody maps under the name of a library does not crowd out the system’s own', () => {
  for (let i = 0; i < 5; i++) put(`/tmp/${i}/libgnutls.so.30`)
  const lines = Array.from({ length: 5 }, (_, i) => `7f00-7f01 r-xp 0000 08:01 5      /tmp/${i}/libgnutls.so.30`)
  put('/proc/8/maps', `${lines.join('\n')}\n`)
  put('/usr/lib64/libgnutls.so.30')
  const found = findLibraries(machine, ['libgnutls.so']).get('libgnutls.so')
  assert.deepEqual([found?.[0], found?.length], ['/usr/lib64/libgnutls.so.30', 4])
  rmSync(join(root, '/proc/8'), { recursive: true })
})

test('links that go round in a circle end', () => {
  symlinkSync('b', join(root, 'a'))
  symlinkSync('a', join(root, 'b'))
  assert.equal(realPath(machine, '/a/libc.so.6'), undefined)
  assert.equal(realPath(machine, '/usr/./lib/../lib/x'), '/usr/lib/x')
})

const LIBC = ['/usr/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib/aarch64-linux-gnu/libc.so.6'].find((path) =>
  existsSync(path),
)
const skip = LIBC === undefined ? 'no libc of Debian here' : false
const real = nodeMachine()

test('functions of the C library are found where it defines them, and others are not', { skip }, () => {
  const answer = symbolOffsets(real, LIBC ?? '', ['malloc', 'getaddrinfo', 'no_such_function', 'environ'])
  assert.ok('offsets' in answer)
  assert.equal(answer.offsets.get('malloc')?.length, 1)
  assert.equal(answer.offsets.get('getaddrinfo')?.length, 1)
  assert.equal(answer.offsets.has('no_such_function'), false)
  assert.equal(answer.offsets.has('environ'), false, 'data is no function')
  assert.ok(processorOf(real, LIBC ?? '') !== undefined)
})

test('what is no such file is refused with a reason', () => {
  put('/text', 'not an ELF file at all, though it is long enough to be taken for one at first glance')
  put('/short', '\u007fELF')
  for (const path of ['/text', '/short', '/none']) {
    assert.ok('refused' in symbolOffsets(machine, path, ['malloc']), path)
    assert.equal(processorOf(machine, path), undefined)
  }
})

test('a hostile library is refused or read, and never more than its bounds', { skip }, () => {
  const bytes = real.files.readBytes(LIBC ?? '')
  let asked = 0
  checkProperty(
    fc.property(
      fc.array(fc.tuple(fc.nat(63), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.nat(8191),
      (edits, cut) => {
        const hostile = Uint8Array.from(bytes)
        for (const [at, value] of edits) hostile[at] = value
        const length = cut < 4096 ? cut : hostile.length
        const looks: Pick<Looks, 'readAt'> = {
          readAt: (_, offset, wanted) => {
            asked = Math.max(asked, wanted)
            return hostile.subarray(Math.min(offset, length), Math.min(offset + wanted, length))
          },
        }
        const answer = symbolOffsets(looks as Looks, '/hostile', ['malloc'])
        assert.ok('refused' in answer || (answer.offsets.get('malloc')?.length ?? 0) <= 4)
      },
    ),
    { runs: 100 },
  )
  assert.ok(asked <= 4 * 1024 * 1024)
})
