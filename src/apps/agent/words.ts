/** The agent's command line, read by hand: the agent brings no library along. */
import { ParseError, parseWord } from '../../terms/parse.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { parseDuration } from './config-file.ts'

const COMMANDS = ['run', 'doctor'] as const
export type AgentCommand = (typeof COMMANDS)[number]

export interface AgentWords {
  readonly command: AgentCommand
  readonly configPath?: string
  readonly isOnce: boolean
  /** `--watch`: what is cheap to see, second by second, for a person at a terminal. */
  readonly isLive: boolean
  /** How long `--once` and `--watch` look; absent: a few seconds, and until it is stopped. */
  readonly forMs?: number
  readonly print?: 'text' | 'json'
  /** A recording of `virsh domstats`, and which domain of it. */
  readonly domstats?: string
  readonly domain?: string
  readonly wants?: 'help' | 'version'
}

export const HELP = `Usage: ethos agent [command] [options]

Learns what this VM is like to host, and tells the server every 5 minutes. Without a command it runs until it is stopped.

Commands:
  doctor                 what can be seen here and what not, and what would open it
  probe-helper           the part with privileges: counts system and library calls for a short while, and leaves
                         what it counted in a file (docs/probes.md)
  dirty-pages-helper     the same for memory: how much of it the largest processes write (docs/agent-measures.md)

Options:
  --config FILE          settings (default: /etc/ethos/agent.conf, or none: everything has a default)
  --once                 look for a while, print the personality, and end
  --watch                print what is cheap to see, a line a second, until it is stopped; sends nothing
  --for DURATION         how long --once and --watch look, 1s to 15min (default: 5s; --watch: no end)
  --print text|json      print vectors, for people or for programs (--once, --watch: text)
  --domstats FILE        no agent in the guest: read a recording of \`virsh domstats\`, and print what it tells
  --domain NAME          only this domain of the recording
  --version, --help

Examples:
  ethos agent --once                              what is this machine like?
  ethos agent --once --for 1min --print json      the same for a program, over a minute
  ethos agent --watch                             what does it do right now?
  ethos agent doctor                              what is it blind to, and why?
  for i in 1 2 3; do date +%s.%N; virsh domstats; sleep 5; done > recording
  ethos agent --domstats recording                what guests without an agent are like

The first time, write a one-time token (\`ethos token create\` on the server prints one) to /etc/ethos/join-token.
`

/** Reads the words after `ethos agent`. Throws `ParseError`. */
export function parseWords(words: readonly string[]): AgentWords {
  const reader = new Reader(words)
  const found: { -readonly [K in keyof AgentWords]: AgentWords[K] } = {
    command: 'run',
    isOnce: false,
    isLive: false,
  }
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    if (word === '--help' || word === '-h') found.wants = 'help'
    else if (word === '--version') found.wants = 'version'
    else if (word === '--once') found.isOnce = true
    else if (word === '--watch') found.isLive = true
    else if (word === '--config') found.configPath = reader.valueOf(word)
    else if (word === '--for') found.forMs = parseDuration({ value: reader.valueOf(word), place: word }, LOOK_BOUNDS)
    else if (word === '--print') found.print = parseWord(reader.valueOf(word), word, ['text', 'json'])
    else if (word === '--domstats') found.domstats = reader.valueOf(word)
    else if (word === '--domain') found.domain = reader.valueOf(word)
    else if (word.startsWith('-')) throw new ParseError('option', word, '`ethos agent --help` shows what can be asked.')
    else found.command = parseWord(word, 'command', COMMANDS)
  }
  if (found.isOnce && found.isLive) throw new ParseError('option', '--watch', 'Either --once or --watch.')
  return found
}

const LOOK_BOUNDS = { minMs: SECOND_MS, maxMs: 15 * MINUTE_MS }

/** Takes words one by one; `--name=value` counts as two. */
class Reader {
  private readonly words: string[]

  constructor(words: readonly string[]) {
    this.words = words.flatMap((word) => {
      const equals = word.indexOf('=')
      return word.startsWith('--') && equals > 0 ? [word.slice(0, equals), word.slice(equals + 1)] : [word]
    })
  }

  next(): string | undefined {
    return this.words.shift()
  }

  valueOf(option: string): string {
    const value = this.words.shift()
    if (value === undefined) throw new ParseError(option, value, 'It wants a value; `ethos agent --help` shows which.')
    return value
  }
}
