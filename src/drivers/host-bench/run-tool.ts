/** Runs one program without a shell, with an environment of its own, for a bounded time and with bounded output. */
import { type ChildProcess, spawn } from 'node:child_process'
import { BenchmarkError } from './benchmark-error.ts'

export interface ToolCall {
  readonly tool: string
  /** Its file, as found in PATH. */
  readonly path: string
  readonly words: readonly string[]
  readonly limitMs: number
  readonly folder?: string
}

/** Output of these tools has a few kilobytes; more is rubbish. */
export const OUTPUT_BYTES_MAX = 4 * 1024 * 1024
/** How long a program may take to end once it was asked to. */
const GRACE_MS = 1000
const SHOWN_LENGTH_MAX = 300

/** Its standard output. Rejects with a `BenchmarkError`: `timed-out`, `failed`, `interrupted`, `unreadable-output`. */
export async function runTool(call: ToolCall, stop: AbortSignal): Promise<string> {
  const { tool } = call
  if (stop.aborted)
    throw new BenchmarkError('interrupted', tool, `${tool} was not started: somebody stopped the suite.`)
  const child = startTool(call)
  const output: Buffer[] = []
  const complaints: Buffer[] = []
  let bytes = 0
  let why: BenchmarkError | undefined
  const end = (error: BenchmarkError) => {
    why ??= error
    endTool(child)
  }
  const onStop = () => end(new BenchmarkError('interrupted', tool, `${tool} was stopped with the suite.`))
  const hung = `${tool} did not end within ${call.limitMs / 1000} s and was killed: is the machine overloaded, or its disk stuck?`
  const timer = setTimeout(() => end(new BenchmarkError('timed-out', tool, hung)), call.limitMs)
  stop.addEventListener('abort', onStop, { once: true })
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= OUTPUT_BYTES_MAX) list.push(chunk)
    else end(new BenchmarkError('unreadable-output', tool, `${tool} wrote more than ${OUTPUT_BYTES_MAX} bytes.`))
  }
  child.stdout?.on('data', keep(output))
  child.stderr?.on('data', keep(complaints))
  try {
    const { code, signal } = await ended(child, tool)
    if (why !== undefined) throw why
    if (code !== 0) throw failureOf(tool, code, signal, Buffer.concat([...complaints, ...output]).toString('utf8'))
    return Buffer.concat(output).toString('utf8')
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
  }
}

/** In a process group of its own: an interrupt from the terminal reaches us alone, and we end what we started. */
export function startTool({ path, words, folder }: Omit<ToolCall, 'limitMs'>): ChildProcess {
  return spawn(path, [...words], {
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(folder === undefined ? {} : { cwd: folder }),
  })
}

/** Asks the whole group to end, and kills what is left of it a second later. */
export function endTool(child: ChildProcess): void {
  // Its number may be another's by now.
  if (child.exitCode !== null || child.signalCode !== null) return
  signalGroup(child, 'SIGTERM')
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS)
  child.once('exit', () => {
    clearTimeout(timer)
    signalGroup(child, 'SIGKILL')
  })
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group has ended.
  }
}

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

function ended(child: ChildProcess, tool: string): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new BenchmarkError('failed', tool, `${tool} could not be started (${cause.message}).`, { cause }))
    })
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}

function failureOf(tool: string, code: number | null, signal: NodeJS.Signals | null, said: string): BenchmarkError {
  const how = code === null ? `was ended by ${signal}` : `ended with code ${code}`
  const line = said.replaceAll(/\s+/g, ' ').trim().slice(0, SHOWN_LENGTH_MAX)
  if (/no space left|ENOSPC/i.test(said))
    return new BenchmarkError('no-space', tool, `${tool} ${how}: the disk is full. It said: ${line}`)
  if (/permission denied|operation not permitted|read-only file system/i.test(said))
    return new BenchmarkError('no-permission', tool, `${tool} ${how}: it may not. It said: ${line}`)
  return new BenchmarkError('failed', tool, `${tool} ${how}. It said: ${line === '' ? 'nothing' : line}`)
}
