import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tracefs, type TracingMachine } from './tracefs.ts'
import { parseHist, parseStats } from './tracefs-calls.ts'
import { parseProfile } from './tracefs-libraries.ts'

test('a hist of the kernel is read by number', () => {
  const text = [
    '# event histogram',
    '#',
    '# trigger info: hist:keys=id:vals=hitcount:sort=hitcount:size=1024 [active]',
    '#',
    '',
    '{ id:        257 } hitcount:          3',
    '{ id:          0 } hitcount:       1042',
    '{ id: sys_read                      [  0] } hitcount: 5',
    '',
    'Totals:',
    '    Hits: 1045',
    '    Entries: 2',
    '    Dropped: 0',
  ].join('\n')
  assert.deepEqual(
    parseHist(text),
    new Map([
      [257, 3],
      [0, 1042],
    ]),
  )
  assert.deepEqual(parseHist(''), new Map())
})

test('what a buffer ever held is what is there, what was overwritten and what found no room', () => {
  // Recorded from Linux 6.18. 240 + 2 129 760 + 0 + 0
  const text =
    'entries: 240\noverrun: 2129760\ncommit overrun: 0\nbytes: 4800\noldest event ts: 19434.770912\nnow ts: 19434.773075\ndropped events: 0\nread events: 0\n'
  assert.equal(parseStats(text), 2_130_000)
  assert.equal(parseStats('entries: rubbish\nnothing'), 0)
})

test('hits are those of our names, wherever the file is, on kernels that tell misses too', () => {
  const text = [
    '  /usr/lib/x86_64-linux-gnu/libc.so.6 ethos_1_2_dns0                               12',
    '  /usr/lib/a b/libc.so.6 ethos_1_2_dns1                               30              0',
    '  /usr/lib/x86_64-linux-gnu/libc.so.6 ethos_1_2_dns10                             500',
  ].join('\n')
  assert.equal(parseProfile(text, ['ethos_1_2_dns0', 'ethos_1_2_dns1']), 42)
  assert.equal(parseProfile(text, ['ethos_1_2_dns0', 'ethos_9_9_dns0']), undefined, 'what is not told is not zero')
})

function statOf(pid: number, start: number): string {
  return `${pid} (a) b) S ${'0 '.repeat(18)}${start} 0`
}

test('what the dead and we ourselves left is removed; what others who live or are not ours have is left alone', () => {
  const texts: Record<string, string> = {
    '/proc/10/stat': statOf(10, 500),
    '/proc/20/stat': statOf(20, 600),
    '/t/uprobe_events': 'p:ethos_20_600/a /lib/x:0x1\np:ethos_9_1/b /lib/x:0x2\np:perf/c /lib/x:0x3\n',
  }
  // Process 20 lives, and another had its number before; 10 is who asks.
  const instances = [
    'ethos-10-500-hist',
    'ethos-20-600-hist',
    'ethos-20-599-dns',
    'ethos-9-1-tls',
    'somebody',
    'ethos-x',
  ]
  const removed: string[] = []
  const written: string[] = []
  const machine = {
    self: { pid: 10 },
    readText: (path: string) => texts[path],
    list: () => instances,
    files: {
      remove: (path: string) => void removed.push(path),
      openAppend: (path: string) => ({
        append: (bytes: Uint8Array) => void written.push(`${path} ${String.fromCharCode(...bytes).trim()}`),
        close: () => undefined,
      }),
    },
  } as unknown as TracingMachine
  const names = new Tracefs(machine, '/t').removeLeftovers()
  assert.deepEqual(names, ['ethos-10-500-hist', 'ethos-20-599-dns', 'ethos-9-1-tls', 'ethos_9_1/b'])
  assert.deepEqual(
    removed,
    names.slice(0, 3).map((name) => `/t/instances/${name}`),
  )
  assert.deepEqual(written.slice(-2), ['/t/events/ethos_9_1/b/enable 0', '/t/uprobe_events -:ethos_9_1/b'])
})
