import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { whereTracefsIs, whyNoTracing } from '../../../../tools/probes/tracing.ts'
import { CALL_CLASSES, callName, classOfCall, classOfName } from './system-calls.ts'

const HEADER = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'
const GENERIC = '/usr/include/asm-generic/unistd.h'
const EVENTS = '/sys/kernel/tracing/events/syscalls'

test('a call has its class by number, on either processor', () => {
  assert.deepEqual(
    [0, 41, 9, 57, 230, 202, 318].map((id) => classOfCall('x86_64', id)),
    ['file', 'network', 'memory', 'process', 'time', 'sync', 'other'],
  )
  // read, socket, mmap, clone, clock_nanosleep, futex, getrandom
  assert.deepEqual(
    [63, 198, 222, 220, 115, 98, 278].map((id) => classOfCall('aarch64', id)),
    ['file', 'network', 'memory', 'process', 'time', 'sync', 'other'],
  )
  assert.equal(callName('x86_64', 257), 'openat')
  assert.equal(callName('aarch64', 56), 'openat')
})

test('numbers since 2019 are the same everywhere, and a number that nobody named is other', () => {
  for (const processor of ['x86_64', 'aarch64'] as const) {
    assert.deepEqual([callName(processor, 424), callName(processor, 449)], ['pidfd_send_signal', 'futex_waitv'])
    for (const id of [-1, 400, 9999, Number.NaN]) {
      assert.deepEqual([callName(processor, id), classOfCall(processor, id)], [undefined, 'other'])
    }
  }
})

test('the table of x86_64 is the kernel header, number by number', {
  skip: !existsSync(HEADER) && 'no linux-libc-dev',
}, () => {
  const lines = [...readFileSync(HEADER, 'utf8').matchAll(/^#define __NR_(\w+) (\d+)$/gm)]
  assert.ok(lines.length > 350)
  for (const [, name, id] of lines) assert.equal(callName('x86_64', Number(id)), name)
})

test('the table of aarch64 is the generic header, number by number', {
  skip: !existsSync(GENERIC) && 'no linux-libc-dev',
}, () => {
  // The header holds calls that only 32-bit processors have, between these two lines.
  const header = readFileSync(GENERIC, 'utf8').replace(
    /\n#if defined\(__SYSCALL_COMPAT\) \|\| __BITS_PER_LONG == 32\n.*?\n#endif/gs,
    '',
  )
  const lines = [...header.matchAll(/^#define __NR(?:3264)?_(\w+) (\d+)$/gm)]
  // The header also holds what is no call, and the name that 32-bit processors have for number 84.
  const others = new Set(['syscalls', 'arch_specific_syscall', 'sync_file_range2'])
  const calls = lines.filter(([, name]) => !others.has(name))
  assert.ok(calls.length > 300)
  for (const [, name, id] of calls) assert.equal(callName('aarch64', Number(id)), name)
})

test('nearly all that this kernel traces has a class of its own', { skip: whyNoTracing() }, () => {
  const [program, ...words] = whereTracefsIs(['ls', EVENTS])
  const { stdout } = spawnSync(program, words, { encoding: 'utf8' })
  const names = stdout.split('\n').filter((name) => name.startsWith('sys_enter_'))
  // Debian's cloud kernel has some 350.
  assert.ok(names.length > 200, `${names.length} events`)
  const others = names.filter((name) => classOfName(name.slice('sys_enter_'.length)) === 'other')
  assert.ok(others.length < 30, others.join(' '))
  assert.deepEqual(
    ['newfstat', 'newuname', 'sendfile64'].map((name) => classOfName(name)),
    ['file', 'other', 'file'],
  )
  assert.ok(names.every((name) => CALL_CLASSES.includes(classOfName(name.slice(10)))))
})
