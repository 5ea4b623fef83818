/** One run of one benchmark: its value, or a `BenchmarkError`. */
import { readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { BenchmarkError } from './benchmark-error.ts'
import { answerFileOf, type Benchmark, type BenchmarkPlace } from './benchmarks.ts'
import { endTool, runTool, startTool } from './run-tool.ts'
import type { FoundTool } from './tools.ts'

/** A run of a second that takes this much longer hangs. */
export const LIMIT_FACTOR = 4
export const LIMIT_ADDED_MS = 5000
const ANSWER_BYTES_MAX = 1024 * 1024
const LISTEN_MS_MAX = 3000

export async function runBenchmark(
  benchmark: Benchmark,
  place: BenchmarkPlace,
  { path }: FoundTool,
  stop: AbortSignal,
): Promise<number> {
  const { tool } = benchmark
  const limitMs = benchmark.ms * LIMIT_FACTOR + LIMIT_ADDED_MS
  if (benchmark.answersInFile === true) rmSync(answerFileOf(place), { force: true })
  const call = (at: BenchmarkPlace) =>
    runTool({ tool, path, words: benchmark.words(at), limitMs, folder: place.scratch }, stop)
  if (place.network?.isLoopback === true && benchmark.needs === 'network')
    return withLoopbackServer(path, async (port) =>
      benchmark.read(await call({ ...place, network: { peer: '127.0.0.1', port, isLoopback: true } })),
    )
  const output = await call(place)
  return benchmark.read(benchmark.answersInFile === true ? readAnswer(tool, answerFileOf(place)) : output)
}

function readAnswer(tool: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(0, ANSWER_BYTES_MAX)
  } catch (cause) {
    const message = `${tool} left no answer in ${file}: did it end early, or is that folder full?`
    throw new BenchmarkError('unreadable-output', tool, message, { cause })
  }
}

/** The other end on this machine, for one test; it ends by itself should we be killed. */
async function withLoopbackServer(path: string, use: (port: number) => Promise<number>): Promise<number> {
  const port = await freePort()
  const words = ['-s', '-1', '-B', '127.0.0.1', '-p', String(port), '--forceflush', '--idle-timeout', '10']
  const server = startTool({ tool: 'iperf3', path, words })
  server.stderr?.resume()
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = () => reject(new BenchmarkError('failed', 'iperf3', `iperf3 -s does not listen on port ${port}.`))
      const timer = setTimeout(fail, LISTEN_MS_MAX)
      timer.unref()
      server.once('error', fail)
      server.once('exit', fail)
      server.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('listening')) resolve()
      })
    })
    return await use(port)
  } finally {
    endTool(server)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
