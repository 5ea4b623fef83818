/** A long piece of work in a process of its own, as its owner sees it: told once what to do, heard until it has said its last word, ended at will. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PROCESS_SWITCH } from './young-memory.ts'

/** Of what it wrote to standard error, the end. */
const LAST_WORDS_MAX = 2000

export interface JobOptions<Message extends { readonly kind: string }> {
  readonly entry: URL
  readonly memoryMb: number
  /** Its only message. */
  readonly task: object
  readonly hear: (message: Message) => void
  /** Once, when it is gone. @param how in sentences, with its last words */
  readonly ended: (how: string) => void
}

export interface JobProcess {
  readonly pid: number | undefined
  /** At once. `ended` is told when it is gone. */
  kill(): void
}

export function startJob<Message extends { readonly kind: string }>(options: JobOptions<Message>): JobProcess {
  const { entry, memoryMb, task, hear, ended } = options
  let lastWords = ''
  let isOver = false
  const finish = (how: string): void => {
    if (isOver) return
    isOver = true
    ended(`${how} ${lastWords.trim()}`.trim())
  }
  let child: ChildProcess
  try {
    child = fork(fileURLToPath(entry), [], {
      execArgv: [`--max-old-space-size=${memoryMb}`, PROCESS_SWITCH],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
  } catch (error) {
    // Want of memory, for one, is thrown at once. Whoever starts it has noted what it started before it is told.
    lastWords = String(error)
    queueMicrotask(() => finish('It could not be started.'))
    return { pid: undefined, kill: () => undefined }
  }
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS_MAX)
  })
  child.on('message', (message) => {
    // The child is the same program of the same version: what it says is not judged again.
    const said = message as Message
    hear(said)
    // It has said all; whatever it still holds open does not keep it.
    if (said.kind !== 'progress' && child.connected) child.disconnect()
  })
  child.on('error', (error) => {
    lastWords = error.message
    if (child.pid === undefined) finish('It could not be started.')
  })
  child.once('exit', (code, signal) => finish(`It ended with ${signal ?? `code ${code}`}.`))
  // Where not even a pipe was to be had it has no channel, and 'error' follows.
  if (child.connected)
    child.send(task, (error) => {
      if (error !== null) child.kill('SIGKILL')
    })
  return {
    pid: child.pid,
    kill: () => void child.kill('SIGKILL'),
  }
}
