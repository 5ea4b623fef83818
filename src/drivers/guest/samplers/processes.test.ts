import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { Lifetimes, unseenLifeSec } from './lifetimes.ts'
import { lookAt } from './looking.ts'
import { classOf, classOfPort, PROCESS_CLASSES } from './process-class.ts'
import { ProcessesSampler } from './processes.ts'

interface Fields {
  readonly name?: string
  readonly ticks?: number
  readonly startTicks?: number
  readonly parent?: number
  readonly isKernel?: boolean
  readonly state?: string
}

/** A line of /proc/PID/stat as Linux 6.1 writes it: 52 fields. */
function stat(
  pid: number,
  { name = 'app', ticks = 0, startTicks = 0, parent = 1, isKernel = false, state = 'S' }: Fields = {},
): string {
  const flags = isKernel ? 2_129_984 : 4_194_560
  const tail = '10000000 500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0'
  return `${pid} (${name}) ${state} ${parent} 1 1 0 -1 ${flags} 9 8 7 6 ${ticks} 0 0 0 20 0 1 0 ${startTicks} ${tail}\n`
}

/** The kernel's own counts: forks since boot, tasks there are now, ticks that ran since boot; uptime in seconds. */
const kernel = ({ forks = 100, tasks = 50, ran = 0, uptimeSec = 100 }): Record<string, string> => ({
  '/proc/stat': `cpu  ${ran} 0 0 900 0 0 0 0 0 0\nprocesses ${forks}\n`,
  '/proc/loadavg': `0.10 0.10 0.10 1/${tasks} 8\n`,
  '/proc/uptime': `${uptimeSec}.00 10.00\n`,
})

function guestOf(processes: Readonly<Record<number, Fields>>): FakeMachine {
  const guest = new FakeMachine(kernel({}))
  for (const [pid, fields] of Object.entries(processes)) guest.texts[`/proc/${pid}/stat`] = stat(Number(pid), fields)
  return guest
}

test('births and deaths come from the counters of the kernel, so that no look misses one', () => {
  const guest = guestOf({ 1: {} })
  const sampler = new ProcessesSampler(guest)
  assert.equal(lookAt(sampler, 0).measured.processBirthsPerSec, undefined)
  Object.assign(guest.texts, kernel({ forks: 120, tasks: 45, uptimeSec: 105 }))
  const { measured } = lookAt(sampler, 5000)
  // Twenty born, five fewer there: 25 died, in five seconds.
  assert.equal(measured.processBirthsPerSec, 4)
  assert.equal(measured.processDeathsPerSec, 5)
})

test('the top process is told as a share of all CPU time that was used, and by its class', () => {
  const guest = guestOf({ 1: { name: 'systemd', ticks: 10 }, 8: { name: 'postgres', ticks: 100 } })
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  guest.texts['/proc/8/stat'] = stat(8, { name: 'postgres', ticks: 130 })
  guest.texts['/proc/1/stat'] = stat(1, { name: 'systemd', ticks: 20 })
  Object.assign(guest.texts, kernel({ ran: 60, uptimeSec: 105 }))
  const { measured, details } = lookAt(sampler, 5000)
  // 30 ticks of 60: those of processes that came and went unseen are in the 60.
  assert.equal(measured.topProcessCpuShare, 0.5)
  assert.equal(details['load by database'], 0.06)
  // 30 and 10 ticks in 5 s. Nine tenths of the 40 are 36: it takes both.
  assert.match(String(details['busiest processes, in cores']), /^database 0\.06, \w+ 0\.02$/)
  assert.equal(details['make 90 % of the load'], 2)
})

test('kernel threads are no processes, and take their turn in one look of four', () => {
  const guest = guestOf({ 1: {}, 2: { name: 'kthreadd', isKernel: true }, 30: { name: 'kworker/0:1', isKernel: true } })
  const sampler = new ProcessesSampler(guest)
  assert.equal(lookAt(sampler, 0).measured.processCount, 1)
  const asked: string[] = []
  const read = guest.readText.bind(guest)
  guest.readText = (path, maxBytes) => {
    asked.push(path)
    return read(path, maxBytes)
  }
  for (let look = 1; look <= 4; look++) assert.equal(lookAt(sampler, look * 5000).measured.processCount, 1)
  assert.equal(asked.filter((path) => path === '/proc/30/stat').length, 1)
})

test('a hostile name is no more than a name: brackets, line ends, spaces, UTF-8', () => {
  const names = ['a) R 9 (b', '\n) Z 1 1 1', '(((', ')', '\xc3\xa9t\xc3\xa9', ' 1 2 3 4 5 6', '']
  const guest = guestOf(Object.fromEntries(names.map((name, i) => [i + 1, { name, ticks: 0 }])))
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  names.forEach((name, i) => {
    guest.texts[`/proc/${i + 1}/stat`] = stat(i + 1, { name, ticks: 10 })
  })
  Object.assign(guest.texts, kernel({ ran: 70 }))
  const { measured, details } = lookAt(sampler, 5000)
  assert.equal(measured.processCount, 7)
  // 10 ticks each of 70.
  assert.equal(measured.topProcessCpuShare, 1 / 7)
  assert.equal(details['classes'], '7 other')
  assert.equal(details['stopped'], 0)
})

test('a name so long that the first bytes do not hold the fields is read whole', () => {
  // Names of kernel workers may have 64 characters in /proc/PID/stat, and hold brackets too.
  const name = `kworker/u8:2-${'x'.repeat(60)})(${'y'.repeat(60)}`
  const guest = guestOf({ 1: {}, 9: { name, startTicks: 123, isKernel: true } })
  assert.equal(lookAt(new ProcessesSampler(guest), 0).details['kernel threads'], 1)
})

test('a process whose file is cut, empty or gone between list and read is passed over', () => {
  const guest = guestOf({ 1: {} })
  guest.texts['/proc/7/stat'] = '7 (cut) S 1 1'
  guest.texts['/proc/8/stat'] = ''
  guest.texts['/proc/9/status'] = 'gone'
  const { measured, details } = lookAt(new ProcessesSampler(guest), 0)
  assert.equal(measured.processCount, 4)
  assert.equal(details['classes'], '1 other')
})

test('age at the end: between the look that saw a process and the one that did not', () => {
  const guest = guestOf({ 1: {}, 7: { startTicks: 5000 } })
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  delete guest.texts['/proc/7/stat']
  Object.assign(guest.texts, kernel({ tasks: 49, uptimeSec: 105 }))
  // Started at 50 s, seen at 100 s, gone at 105 s: 52.5 s.
  assert.equal(lookAt(sampler, 5000).measured.processLifetimeSecMedian, 52.5)
})

test('a number given to another process is an end and a birth', () => {
  const guest = guestOf({ 1: {}, 7: { startTicks: 5000, ticks: 900 } })
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  guest.texts['/proc/7/stat'] = stat(7, { startTicks: 10_200, ticks: 20 })
  Object.assign(guest.texts, kernel({ forks: 101, uptimeSec: 105, ran: 40 }))
  const { measured } = lookAt(sampler, 5000)
  assert.equal(measured.processLifetimeSecMedian, 52.5)
  // Born in the span: its 20 ticks of 40 are of the span.
  assert.equal(measured.topProcessCpuShare, 0.5)
})

test('what comes and goes between two looks still has its weight in the median of lives', () => {
  const guest = guestOf({ 1: {}, 7: { startTicks: 5000 } })
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  delete guest.texts['/proc/7/stat']
  Object.assign(guest.texts, kernel({ forks: 600, tasks: 49, uptimeSec: 105 }))
  // 500 born and 501 died in 5 s, one of them seen. No look caught any of the 500: (0 + 1/2) / 100 per second = 5 ms each.
  assert.equal(lookAt(sampler, 5000).measured.processLifetimeSecMedian, 0.005)
})

test("lives that nobody saw follow from how many a look catches: Little's law, and never longer than half a span", () => {
  // 5 caught (and a half) at 100 births a second live 55 ms.
  assert.equal(unseenLifeSec(5, 100, 5000), 0.055)
  assert.equal(unseenLifeSec(0, 0.1, 5000), 2.5)
  assert.equal(unseenLifeSec(0, Number.NaN, 5000), 2.5)
})

test('the median of lives forgets what ended more than an hour ago', () => {
  const lifetimes = new Lifetimes()
  assert.ok(Number.isNaN(lifetimes.medianSec(0)))
  lifetimes.add(10, 1, 0)
  lifetimes.add(20, 1, 1_800_000)
  lifetimes.add(30, 1, 1_800_000)
  lifetimes.add(Number.NaN, 1, 0)
  assert.equal(lifetimes.medianSec(1_800_000), 20)
  for (let i = 0; i < 1000; i++) lifetimes.add(1, 1, 1_900_000)
  assert.equal(lifetimes.medianSec(1_900_000), 1)
  assert.ok(Number.isNaN(lifetimes.medianSec(9_000_000)))
})

test('where others are hidden, processes are absent, births and deaths are not, and it is said what would show them', () => {
  const guest = guestOf({ 4242: { name: 'ethos' } })
  const sampler = new ProcessesSampler(guest)
  lookAt(sampler, 0)
  Object.assign(guest.texts, kernel({ forks: 105 }))
  assert.deepEqual(lookAt(sampler, 5000).measured, { processBirthsPerSec: 1, processDeathsPerSec: 1 })
  assert.match(sampler.findings()[0].remedy ?? '', /hidepid=0/)
})

test('with thousands of processes each look reads its share of them, and knows their number', () => {
  const guest = new FakeMachine(kernel({}))
  const pids = Array.from({ length: 3000 }, (_, i) => String(i + 1))
  let reads = 0
  guest.list = () => pids
  guest.readText = (path) => {
    if (!path.startsWith('/proc/') || !path.endsWith('/stat') || path === '/proc/stat') return guest.texts[path]
    reads++
    return stat(Number(path.slice(6, -5)))
  }
  const sampler = new ProcessesSampler(guest)
  for (let look = 0; look < 3; look++) assert.equal(lookAt(sampler, look * 5000).measured.processCount, 3000)
  // 3 000 in turns of three looks, and the first process once more a look, to see whether others may be seen.
  assert.equal(reads, 3003)
})

test('a tree is told by its depth and its widest family; a circle of parents has an end', () => {
  const guest = guestOf({ 1: { parent: 0 }, 2: { parent: 1 }, 3: { parent: 2 }, 4: { parent: 2, state: 'Z' } })
  const { details } = lookAt(new ProcessesSampler(guest), 0)
  assert.equal(details['tree depth'], 3)
  assert.equal(details['widest family'], 2)
  assert.equal(details['ended, not yet fetched'], 1)
  const circle = guestOf({ 1: { parent: 2 }, 2: { parent: 1 } })
  assert.equal(lookAt(new ProcessesSampler(circle), 0).details['tree depth'], 64)
})

test('a process is known by its class, and no name leaves the table of classes', () => {
  const names = ['postgres', 'nginx', 'sh', 'shady', 'java', 'my-secret', 'redis-server', 'dd', 'ddns-client']
  const classes = ['database', 'web server', 'shell', 'other', 'runtime', 'other', 'cache', 'batch', 'other']
  assert.deepEqual(names.map(classOf), classes)
  assert.equal(classOfPort(5432), 'database')
  assert.equal(classOfPort(40_000), 'other')
  const guest = guestOf({ 1: { name: 'my-secret' }, 4242: { name: 'node' } })
  const { details } = lookAt(new ProcessesSampler(guest), 0)
  assert.equal(details['classes'], '1 other, 1 agent itself')
  assert.ok(!JSON.stringify(details).includes('secret'))
  assert.ok(PROCESS_CLASSES.includes('agent itself'))
})
