/** The machine as Node and Bun show it: the one file of the agent that touches it. Everything else takes a `Machine`. */
import { execFile } from 'node:child_process'
import { accessSync, closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Access, Looks, Machine, RunOptions, RunResult, Self } from './machine.ts'
import { nodeFiles } from './node-files.ts'
import { nodeNetwork } from './node-network.ts'
import { nodeSecrets } from './node-secrets.ts'

const TEXT_BYTES_MAX = 64 * 1024
const OUTPUT_BYTES_MAX = 1024 * 1024

/** @param root folder that stands for `/` in looks (not in files of our own): recorded trees, in tests */
export function nodeMachine({ root = '' }: { readonly root?: string } = {}): Machine {
  return {
    ...nodeLooks(root),
    files: nodeFiles(),
    network: nodeNetwork(),
    secrets: nodeSecrets(),
    self: nodeSelf(),
    now: Date.now,
    monotonicMs,
    sleep,
    run,
  }
}

/** Not `performance`, which Node loads seven modules for when it is first asked. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

function nodeLooks(root: string): Looks {
  let room = Buffer.allocUnsafe(TEXT_BYTES_MAX)
  return {
    readText(path, maxBytes = TEXT_BYTES_MAX) {
      if (maxBytes > room.length) room = Buffer.allocUnsafe(maxBytes)
      let file: number | undefined
      try {
        file = openSync(root + path, constants.O_RDONLY | constants.O_NONBLOCK)
        let length = 0
        while (length < maxBytes) {
          const taken = readSync(file, room, length, maxBytes - length, null)
          if (taken === 0) break
          length += taken
        }
        return room.toString('latin1', 0, length)
      } catch {
        return undefined
      } finally {
        if (file !== undefined) closeSync(file)
      }
    },
    readAt(path, offset, length) {
      if (length > room.length) room = Buffer.allocUnsafe(length)
      let file: number | undefined
      try {
        file = openSync(root + path, constants.O_RDONLY)
        return room.subarray(0, readSync(file, room, 0, length, offset))
      } catch {
        return undefined
      } finally {
        if (file !== undefined) closeSync(file)
      }
    },
    list(path) {
      try {
        return readdirSync(root + path)
      } catch {
        return undefined
      }
    },
    readLink(path) {
      try {
        return readlinkSync(root + path)
      } catch {
        return undefined
      }
    },
    access: (path) => accessOf(root + path),
  }
}

function accessOf(path: string): Access {
  try {
    accessSync(path, constants.R_OK)
    return 'readable'
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing'
    return code === 'EACCES' || code === 'EPERM' ? 'denied' : 'unreadable'
  }
}

function nodeSelf(): Self {
  let hasPrinted = false
  return {
    pid: process.pid,
    userId: process.getuid?.() ?? -1,
    processors: availableParallelism(),
    engine: process.versions['bun'] === undefined ? `node ${process.versions.node}` : `bun ${process.versions['bun']}`,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    environment: (name) => process.env[name],
    print: (text) => {
      // Not before: the stream is made when it is first asked for, and an agent that prints nothing needs none.
      if (!hasPrinted) process.stdout.on('error', endUnheard)
      hasPrinted = true
      process.stdout.write(text)
    },
    complain: (text) => void process.stderr.write(text),
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    residentBytes: () => process.memoryUsage.rss(),
    onSignal: (name, handler) => void process.on(name, handler),
  }
}

/** `... | head` closes the pipe early, which is no error of ours. */
function endUnheard(error: Error): void {
  if (codeOf(error) !== 'EPIPE') throw error
  process.kill(process.pid, 'SIGTERM')
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms)
    function finish(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    signal?.addEventListener('abort', finish, { once: true })
  })
}

function run(program: string, words: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve) => {
    const bounds = {
      timeout: options.timeoutMs,
      maxBuffer: options.outputBytesMax ?? OUTPUT_BYTES_MAX,
      killSignal: 'SIGKILL' as const,
      ...(options.environment === undefined ? {} : { env: options.environment }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }
    execFile(program, [...words], bounds, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ status, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
    })
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN'
}
