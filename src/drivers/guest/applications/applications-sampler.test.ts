import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Detail, Measure } from '../../../terms/reading.ts'
import type { Machine } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { CollectError, type Counts, mergeRates, type Rates, ratesBetween } from './application.ts'
import { ApplicationsSampler } from './applications-sampler.ts'
import { readPassword } from './password.ts'
import { type ApplicationSettings, DEFAULT_APPLICATIONS } from './settings.ts'
import { Watched } from './watched.ts'
import { WebPageCollector } from './web-page.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

/** A server on loopback that does with each connection what a test says. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  servers.push(server.unref())
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as { port: number }).port
}

/** A page server that answers with what `page` says, once per request. */
const pageServer = (page: () => string): Promise<number> =>
  listen((socket) => {
    socket.once('data', () => {
      const body = page()
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
    })
  })

interface Bench {
  readonly sampler: ApplicationsSampler
  nowMs: number
  look(): Promise<{ readonly measures: Partial<Record<Measure, number>>; readonly details: readonly Detail[] }>
}

/** A sampler with a clock of its own: what is asked at a look is answered before the next. */
function aBench(settings: Partial<ApplicationSettings>, rest: Partial<Machine> = {}): Bench {
  const bench = { nowMs: 0 }
  const machine: Machine = { ...nodeMachine(), monotonicMs: () => bench.nowMs, ...rest }
  const sampler = new ApplicationsSampler(machine, { ...DEFAULT_APPLICATIONS, discover: false, ...settings })
  return Object.assign(bench, {
    sampler,
    look: async () => {
      const measures: Partial<Record<Measure, number>> = {}
      const details: Detail[] = []
      sampler.sample(
        { at: bench.nowMs, monotonicMs: bench.nowMs, wantsDetails: true },
        {
          put: (measure, value) => {
            if (Number.isFinite(value)) measures[measure] = value
          },
          detail: (detail) => void details.push(detail),
        },
      )
      await sampler.findings()
      return { measures, details }
    },
  })
}

const pageOf = (port: number, name = '') => ({ name, url: `http://127.0.0.1:${port}/` })
const nginxPage = (requests: number): string =>
  `Active connections: 1 \nserver accepts handled requests\n 1 1 ${requests} \nReading: 0 Writing: 1 Waiting: 0 \n`

test('a rate is told one look after its second answer, held for three intervals, and then absent', async () => {
  let requests = 0
  let isThere = true
  const port = await listen((socket) => {
    socket.once('data', () => {
      requests += 501
      if (!isThere) socket.destroy()
      else socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${nginxPage(requests)}`)
    })
  })
  const bench = aBench({ nginx: [pageOf(port)] })
  assert.deepEqual((await bench.look()).measures, {})
  bench.nowMs = 5000
  assert.deepEqual((await bench.look()).measures, {})
  bench.nowMs = 10_000
  // 501 - 1 of ours = 500 in the 5 s between the first two answers.
  assert.deepEqual((await bench.look()).measures, { applicationRequestsPerSec: 100 })
  isThere = false
  // The next was due 15 s after the second, at 20 s. It fails; what was said stands until 5 s + 3 x 15 s = 50 s.
  bench.nowMs = 20_000
  await bench.look()
  bench.nowMs = 50_000
  assert.deepEqual((await bench.look()).measures, { applicationRequestsPerSec: 100 })
  bench.nowMs = 50_001
  assert.deepEqual((await bench.look()).measures, {})
  await bench.sampler.close()
})

test('a look does not wait for a server that says nothing, and others are told', async () => {
  let requests = 0
  const quick = await pageServer(() => nginxPage((requests += 11)))
  const silent = await listen(() => undefined)
  const timeouts: number[] = []
  const real = nodeMachine()
  const bench = aBench(
    { nginx: [pageOf(quick)], redis: [{ name: '', address: { host: '127.0.0.1', port: silent } }] },
    {
      sleep: (ms, signal) => {
        timeouts.push(ms)
        return real.sleep(ms / 20, signal)
      },
    },
  )
  const order: string[] = []
  const first = bench.sampler.sample(
    { at: 0, monotonicMs: 0, wantsDetails: false },
    { put: () => {}, detail: () => {} },
  )
  assert.equal(first, undefined, 'it returns at once, without a promise')
  const findings = bench.sampler.findings().then((all) => {
    order.push('findings')
    return all
  })
  order.push('look')
  const byName = (await findings).map(({ what, state, because }) => [what.split(' ')[0], state, because])
  assert.deepEqual(order, ['look', 'findings'])
  assert.deepEqual(byName, [
    ['Redis', 'absent', 'no whole answer within 10000 ms'],
    ['nginx', 'seen', 'configured'],
  ])
  // Two collectors, 10 s for each.
  assert.deepEqual(timeouts, [10_000, 10_000])
  bench.nowMs = 1000
  await bench.look()
  bench.nowMs = 2000
  // 11 - 1 of ours = 10 in 1 s.
  assert.equal((await bench.look()).measures.applicationRequestsPerSec, 10)
  await bench.sampler.close()
})

test('whatever answers, the agent goes on: rubbish, endless bytes, a closed door', async () => {
  const rubbish = await listen((socket) => socket.end(Buffer.alloc(4096, 0xff)))
  const endless = await listen((socket) => {
    const pour = (): void => {
      while (socket.writable && socket.write(Buffer.alloc(65_536, 0x41)));
    }
    socket.on('drain', pour)
    pour()
  })
  const all = [rubbish, endless, 1]
  const bench = aBench({
    redis: all.map((port) => ({ name: `${port}`, address: { host: '127.0.0.1', port } })),
    nginx: all.map((port) => pageOf(port, `${port}`)),
    prometheus: all.map((port) => ({ ...pageOf(port, `${port}`), mapping: {} })),
  })
  const findings = await bench.sampler.findings()
  assert.deepEqual(
    findings.map(({ state }) => state),
    all.flatMap(() => ['absent', 'absent', 'absent']),
  )
  assert.deepEqual((await bench.look()).measures, {})
  await bench.sampler.close()
})

test('after a refusal nobody is asked again for ten minutes', async () => {
  let asked = 0
  const port = await listen((socket) => {
    asked++
    socket.on('data', () => socket.write('-NOAUTH Authentication required.\r\n'))
  })
  const bench = aBench({ redis: [{ name: '', address: { host: '127.0.0.1', port } }] })
  for (bench.nowMs = 0; bench.nowMs < 600_000; bench.nowMs += 5000) await bench.look()
  assert.equal(asked, 1)
  bench.nowMs = 600_000
  await bench.look()
  assert.equal(asked, 2)
  const [finding] = await bench.sampler.findings()
  assert.equal(finding?.because, 'Redis refuses: NOAUTH')
  assert.match(finding?.remedy ?? '', /password-file/)
  await bench.sampler.close()
})

test('two of a kind are told apart by where they are', async () => {
  let requests = 0
  const ports = [
    await pageServer(() => nginxPage((requests += 11))),
    await pageServer(() => nginxPage((requests += 11))),
  ]
  const bench = aBench({ nginx: ports.map((port) => pageOf(port)) })
  for (bench.nowMs = 0; bench.nowMs < 2000; bench.nowMs += 1000) await bench.look()
  const { details } = await bench.look()
  const names = details.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.ok(names.includes(`nginx at http://127.0.0.1:${ports[0]}/: requests`), names.join('\n'))
  await bench.sampler.close()
})

test('nothing to be found is told as such', async () => {
  const bench = aBench({ discover: true }, { readText: () => undefined })
  assert.deepEqual(
    (await bench.sampler.findings()).map(({ state }) => state),
    ['absent'],
  )
})

const NONE: Rates = ratesBetween({}, {}, 1000)

test('applications of one VM as one: rates add, latencies and shares weigh by what stands behind them', () => {
  const database = {
    ...NONE,
    requestsPerSec: 300,
    latencyMsMean: 2,
    timedPerSec: 300,
    cacheHitShare: 0.9,
    lookupsPerSec: 1000,
  }
  const web = {
    ...NONE,
    requestsPerSec: 100,
    latencyMsMean: 10,
    timedPerSec: 100,
    readShare: 0.5,
    classifiedPerSec: 40,
  }
  const cache = {
    ...NONE,
    requestsPerSec: 600,
    readShare: 1,
    classifiedPerSec: 120,
    cacheHitShare: 0.1,
    lookupsPerSec: 3000,
  }
  const all = mergeRates([database, web, cache])
  assert.equal(all.requestsPerSec, 1000) // 300 + 100 + 600
  assert.equal(all.latencyMsMean, 4) // (300 x 2 + 100 x 10) / 400
  assert.equal(all.readShare, 0.875) // (40 x 0.5 + 120 x 1) / 160
  assert.ok(Math.abs(all.cacheHitShare - 0.3) < 1e-12) // (1000 x 0.9 + 3000 x 0.1) / 4000
  assert.equal(all.lockWaitShare, Number.NaN)
  assert.deepEqual(mergeRates([]).requestsPerSec, Number.NaN)
})

test('a counter that went back makes its rates absent, not negative', () => {
  const rates = ratesBetween(
    { requests: 100, timedMs: 5, timedRequests: 100 },
    { requests: 3, timedMs: 6, timedRequests: 3 },
    1000,
  )
  assert.equal(rates.requestsPerSec, Number.NaN)
  assert.equal(rates.latencyMsMean, Number.NaN)
})

test('totals of another kind, or no request at all, make no rate and no latency', () => {
  const was = { requests: 100, timedMs: 5, timedRequests: 100, countedAs: 'statements' }
  const is = { requests: 900, timedMs: 6, timedRequests: 900, countedAs: 'transactions' }
  assert.equal(ratesBetween(was, is, 1000).requestsPerSec, Number.NaN)
  // 100 requests before and after; the one that was timed is our own.
  const idle = ratesBetween(was, { ...was, timedMs: 9, timedRequests: 101 }, 1000)
  assert.deepEqual([idle.requestsPerSec, idle.latencyMsMean], [0, Number.NaN])
})

/** One application whose answers a test gives, asked every 15 s. */
function watch(answers: readonly Counts[]): { at(ms: number): Promise<number | undefined> } {
  const clock = { nowMs: 0 }
  let next = 0
  const collector = {
    title: 'it',
    place: 'here',
    collect: () => Promise.resolve(answers[Math.min(next++, answers.length - 1)] ?? {}),
    close: () => undefined,
  }
  const machine = { ...nodeMachine(), monotonicMs: () => clock.nowMs }
  const watched = new Watched(machine, collector, { everyMs: 15_000, isFound: false })
  return {
    at: async (ms) => {
      clock.nowMs = ms
      watched.turn(ms)
      await watched.settle()
      return watched.rates(ms)?.requestsPerSec
    },
  }
}

test('a restart between two answers makes the rates absent, even where the new totals have passed the old', async () => {
  // Started at -100 s; at 0 s it has been up for 100 s, at 15 s for 10.
  const one = watch([
    { requests: 100, uptimeSec: 100 },
    { requests: 200, uptimeSec: 105 },
    { requests: 900, uptimeSec: 10 },
    { requests: 1050, uptimeSec: 25 },
  ])
  await one.at(0)
  assert.equal(await one.at(5000), 20) // 100 in 5 s
  assert.equal(await one.at(20_000), Number.NaN)
  assert.equal(await one.at(35_000), 10) // 150 in 15 s
})

test('what an application tells in two parts, a moment apart, is not a minute of work in that moment', async () => {
  const one = watch([
    { atMs: 0, requests: 0 },
    { atMs: 60_000, requests: 300 },
    { atMs: 60_002, requests: 600 },
    { atMs: 120_000, requests: 900 },
  ])
  await one.at(0)
  assert.equal(await one.at(60_000), 5) // 300 in 60 s
  assert.equal(await one.at(75_000), 5) // 2 ms later: kept for the next
  assert.equal(await one.at(120_000), 10) // 600 in 60 s
})

function packedServer(text: string | Buffer): Promise<number> {
  const body = gzipSync(text)
  return listen((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`)
      socket.end(body)
    })
  })
}

test('a page behind gzip is read; one that grows beyond its bound is not', async () => {
  const good = await packedServer(nginxPage(7))
  const bomb = await packedServer(Buffer.alloc(64 * 1024 * 1024))
  const bench = aBench({ nginx: [pageOf(good, 'good'), pageOf(bomb, 'bomb')] })
  const findings = await bench.sampler.findings()
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['seen', 'absent'],
  )
  assert.match(findings[1]?.because ?? '', /more than 4096 bytes/)
  await bench.sampler.close()
})

test('a page that drips is given up after ten seconds, however long it says it is', async () => {
  const port = await listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n')
    const timer = setInterval(() => socket.write('#'), 50)
    socket.on('close', () => clearInterval(timer))
  })
  const real = nodeMachine()
  const sleep: Machine['sleep'] = (ms, signal) => real.sleep(ms / 20, signal)
  const bench = aBench({ prometheus: [{ ...pageOf(port), mapping: {} }] }, { sleep })
  const [finding] = await bench.sampler.findings()
  assert.match(finding?.because ?? '', /no whole answer within 10000 ms/)
  await bench.sampler.close()
})

test('a web server that answers a long page where its status is sought first is asked for the second', async () => {
  const status = 'Total Accesses: 5\nBusyWorkers: 1\nIdleWorkers: 2\n'
  const port = await listen((socket) => {
    socket.once('data', (request) => {
      const body = request.toString().startsWith('GET /server-status?auto ') ? status : 'x'.repeat(10_000)
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
    })
  })
  const collector = new WebPageCollector(nodeMachine(), `http://127.0.0.1:${port}`)
  assert.equal((await collector.collect()).requests, 4) // 5 less ours
  assert.equal(collector.title, 'Apache')
})

test('a password is not used unless it is known that nobody else may read it', async () => {
  const file = { readText: () => 'open sesame', run: () => Promise.resolve({ status: 0, stdout: '600\n', stderr: '' }) }
  assert.equal(Buffer.from(await readPassword(file, '/p')).toString(), 'open sesame')
  for (const [status, stdout, why] of [
    [0, '640\n', /others may read/],
    [0, '604\n', /others may read/],
    [-1, '', /mode of \/p can not be told/],
  ] as const) {
    const run = () => Promise.resolve({ status, stdout, stderr: 'open sesame' })
    await assert.rejects(readPassword({ ...file, run }, '/p'), (error) => {
      assert.ok(error instanceof CollectError && error.isRefusal)
      assert.match(error.message, why)
      assert.ok(!`${error.message}${error.remedy}`.includes('sesame'))
      return true
    })
  }
})

test('time waited for locks is a share of the time of those at work', () => {
  // 6 s waited by 2 to 4 sessions, 3 on average, in 10 s: 6 of 30.
  const was = { lockWaitMs: 0, runningSessions: 2 }
  assert.equal(ratesBetween(was, { lockWaitMs: 6000, runningSessions: 4 }, 10_000).lockWaitShare, 0.2)
  // A wait that began before the span may end in it: never above one.
  assert.equal(ratesBetween(was, { lockWaitMs: 600_000, runningSessions: 0 }, 10_000).lockWaitShare, 1)
})
