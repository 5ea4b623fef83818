/** `ethos agent probe-helper`: the only part of the agent with privileges. It attaches probes for a while, leaves what was counted in a file, and
 *  listens to nobody: there is no socket, no argument from the agent, no network. */
import { type Machine, MachineError } from '../../drivers/guest/machine.ts'
import {
  encodeResults,
  type Missing,
  parseResults,
  type ProbeResults,
  RESULT_BYTES_MAX,
} from '../../drivers/guest/probes/results.ts'
import { performRound, removeLeftovers } from '../../drivers/guest/probes/round.ts'
import { ParseError, parseWord } from '../../terms/parse.ts'
import { parseConfigFile } from './config-file.ts'
import { Log } from './log.ts'
import { parseProbes, type ProbesAsked } from './probe-settings.ts'

const CONFIG_PATH = '/etc/ethos/agent.conf'
const CONFIG_BYTES_MAX = 128 * 1024
/** Read by the group: the agent. */
const RESULT_MODE = 0o640
const FOLDER_MODE = 0o750
const MODES = ['loop', 'once', 'clean'] as const

const HELPER_HELP = `Usage: ethos agent probe-helper [once|clean] [--config FILE]

Counts system and library calls for a few seconds, and leaves what it counted in a file for the agent. Run it as root, or enable
ethos-agent-probes.timer. Without a word it takes a round every period (5min) until it is stopped.

  once             one round
  clean            takes off what a killed round left in tracefs
  --config FILE    settings, section [probes] (default: /etc/ethos/agent.conf, or none)
`

/** Runs until it is told to stop; `once`: one round, for a timer; `clean`: takes off what a killed run left behind; `--config FILE`. Returns the exit
 *  code: 0, or 1 where nothing at all could be counted or the results could not be left. */
export async function runProbeHelper(machine: Machine, words: readonly string[]): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    machine.self.print(HELPER_HELP)
    return 0
  }
  const { mode, configPath } = parseHelperWords(words)
  const log = new Log(machine, { hasLevels: machine.self.environment('JOURNAL_STREAM') !== undefined })
  if (mode === 'clean') {
    const removed = removeLeftovers(machine)
    if (removed.length > 0) log.tell('notice', `took off what a killed run had left: ${removed.join(', ')}`)
    return 0
  }
  const asked = readProbes(machine, configPath)
  const control = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) machine.self.onSignal(name, () => control.abort())
  const helper = { machine, asked, log, signal: control.signal }
  if (mode === 'once') return (await takeRound(helper)) ? 0 : 1
  while (!control.signal.aborted) {
    const startMs = machine.monotonicMs()
    await takeRound(helper)
    await machine.sleep(Math.max(0, asked.settings.everyMs - (machine.monotonicMs() - startMs)), control.signal)
  }
  return 0
}

interface Helper {
  readonly machine: Machine
  readonly asked: ProbesAsked
  readonly log: Log
  readonly signal: AbortSignal
}

/** What was cut short is not told. */
async function takeRound({ machine, asked, log, signal }: Helper): Promise<boolean> {
  const { settings } = asked
  const before = readBefore(machine, settings.resultFile)
  const results = await performRound({ machine, settings, before, signal })
  if (signal.aborted) return true
  // A round of a timer is a process of its own: what the last one has said already is not said every five minutes.
  const isNews = ({ what, because }: Missing) =>
    before?.missing.some((each) => each.what === what && each.because === because) !== true
  for (const { what, because, remedy } of results.missing.filter(isNews))
    log.say('warning', what, `${what} are not counted: ${because}. Remedy: ${remedy}`)
  try {
    machine.files.makeFolder(settings.resultFile.slice(0, settings.resultFile.lastIndexOf('/')), FOLDER_MODE)
    machine.files.writeWhole(settings.resultFile, encodeResults(results), RESULT_MODE)
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    log.say('error', 'results', `the results can not be left at ${settings.resultFile}: ${error.message}`)
    return false
  }
  return Object.keys(results.rates).length > 0 || results.missing.length === 0
}

/** Our own of the last time, for the spread between rounds; none if it is not what we write. */
function readBefore(machine: Machine, path: string): ProbeResults | undefined {
  const text = machine.readText(path, RESULT_BYTES_MAX + 1)
  if (text === undefined) return undefined
  try {
    return parseResults(text)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function readProbes(machine: Machine, configPath: string | undefined): ProbesAsked {
  const path = configPath ?? CONFIG_PATH
  const access = machine.access(path)
  if (access === 'missing' && configPath === undefined) return parseProbes()
  const text = machine.readText(path, CONFIG_BYTES_MAX)
  if (text === undefined)
    throw new ParseError('configuration', path, 'It can not be read. Is it there, and may this user?')
  return parseProbes(parseConfigFile(text, path).get('probes'))
}

function parseHelperWords(words: readonly string[]): {
  readonly mode: (typeof MODES)[number]
  readonly configPath?: string
} {
  let mode: (typeof MODES)[number] = 'loop'
  let configPath: string | undefined
  for (let i = 0; i < words.length; i++) {
    if (words[i] === '--config' || words[i].startsWith('--config=')) {
      configPath = words[i].startsWith('--config=') ? words[i].slice('--config='.length) : words[++i]
      if (configPath === undefined) throw new ParseError('--config', configPath, 'It wants a file.')
    } else mode = parseWord(words[i], 'probe-helper', MODES)
  }
  return configPath === undefined ? { mode } : { mode, configPath }
}
