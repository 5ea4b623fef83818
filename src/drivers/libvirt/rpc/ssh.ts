/** Through the user's own ssh: a program over there joins our input and output to the daemon's socket. */
import { spawn } from 'node:child_process'
import type { SshTarget } from './address.ts'
import { LibvirtError } from './errors.ts'
import type { Transport } from './transport.ts'

/** Of what ssh says, kept for the message. */
const SAID_CHARS_MAX = 2000
/** What it wrote before it ended may take a moment to be read. */
const LAST_WORDS_MS = 500

export interface SshOptions {
  readonly uri: string
  /** The daemon's own URI, which its helper is given. */
  readonly name: string
  readonly target: SshTarget
  readonly timeoutMs: number
}

/** Starts ssh. Whether it gets through is known when the first answer comes. It never asks for a password: nobody would see the question. */
export function dialSsh(options: SshOptions): Transport {
  const { uri, target } = options
  const child = spawn(target.command, sshWords(options), { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  let failure: Error | undefined
  let isOver = false
  child.on('error', (error) => {
    failure = error
  })
  child.stderr.on('data', (part: Buffer) => {
    said = (said + part.toString()).slice(-SAID_CHARS_MAX)
  })
  // It is told when the program ends.
  child.stdin.on('error', () => undefined)
  return {
    peer: uri,
    get backlogBytes() {
      return child.stdin.writableLength
    },
    start: ({ onBytes, onEnd }) => {
      child.stdout.on('data', onBytes)
      const over = (): void => {
        if (isOver) return
        isOver = true
        const how = `${target.command} ended with ${child.signalCode ?? child.exitCode}`
        const why = failure?.message ?? `${how}: ${said.trim() || 'it said nothing'}`
        onEnd(new LibvirtError('lost', `The connection to ${uri} ended: ${why}`, { fate: 'unknown', cause: failure }))
      }
      child.on('close', over)
      // A program that it left behind, as ssh does where it shares connections, may hold our pipes open.
      child.on('exit', () => setTimeout(over, LAST_WORDS_MS).unref())
    },
    send: (bytes) => {
      if (!isOver) child.stdin.write(bytes)
    },
    close: () => {
      isOver = true
      child.stdin.destroy()
      child.stdout.destroy()
      child.kill()
    },
  }
}

/** The words for ssh. Everything that comes from the URI is a word of its own, or quoted for the shell over there. */
export function sshWords({ name, target, timeoutMs }: SshOptions): readonly string[] {
  const { host, port, user, keyFile, isVerified } = target
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1000))
  return [
    ...(port === undefined ? [] : ['-p', `${port}`]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(keyFile === undefined ? [] : ['-i', keyFile]),
    '-T',
    '-e',
    'none',
    '-o',
    'BatchMode=yes',
    '-o',
    `ConnectTimeout=${seconds}`,
    ...(isVerified ? [] : ['-o', 'StrictHostKeyChecking=no']),
    '--',
    host,
    `sh -c ${quote(remoteScript(name, target))}`,
  ]
}

/** What runs over there, under whatever shell the user has. */
function remoteScript(name: string, { proxy, netcat, socketPath }: SshTarget): string {
  const readOnly = socketPath.endsWith('-ro') ? '-r ' : ''
  const helper = `exec virt-ssh-helper ${readOnly}${quote(name)}`
  const plain = quote(netcat)
  // Netcats differ: some stay when their input has ended unless they are told -q 0, and others do not know -q.
  const asksFor = `${plain} -q 2>&1 | grep -q "requires an argument"`
  const join = (words: string): string => `exec ${plain} ${words}-U ${quote(socketPath)}`
  const cat = `if ${asksFor}; then ${join('-q 0 ')}; else ${join('')}; fi`
  if (proxy === 'native') return helper
  if (proxy === 'netcat') return cat
  return `if command -v virt-ssh-helper >/dev/null 2>&1; then ${helper}; else ${cat}; fi`
}

/** One word for a POSIX shell, whatever it holds. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
