/** `ethos agent`: reads the words, and does one of the few things the agent can do. */
import type { Machine } from '../../drivers/guest/machine.ts'
import { notify } from '../../drivers/guest/notify.ts'
import { ParseError } from '../../terms/parse.ts'
import { printable } from '../printable.ts'
import { type AgentConfig, CONFIG_PATH, parseConfig, readConfig } from './config.ts'
import { runDirtyPagesHelper } from './dirty-pages-helper.ts'
import { Log } from './log.ts'
import { runProbeHelper } from './probe-helper.ts'
import { runAgent, type RunRequest } from './run.ts'
import { runDoctor } from './run-doctor.ts'
import { runLive } from './run-live.ts'
import { runRecording } from './run-recording.ts'
import { runOnce } from './run-once.ts'
import { ON_DEMAND_MS } from './schedule.ts'
import { HELP, parseWords } from './words.ts'

/** Exit code for a command that can't be meant. */
const USAGE = 2

/** Runs to the end of what was asked. Returns the exit code: 0, 1 for what the machine or the server refuses, 2 for words or settings that
 *  can't be meant. */
export async function agentMain(
  machine: Machine,
  words: readonly string[],
  { version }: { readonly version: string },
): Promise<number> {
  try {
    return await perform(machine, words, version)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    machine.self.complain(printable(`ethos agent: ${error.message}\n`))
    return USAGE
  }
}

async function perform(machine: Machine, words: readonly string[], version: string): Promise<number> {
  if (words[0] === 'dirty-pages-helper') return runDirtyPagesHelper(machine, words.slice(1))
  if (words[0] === 'probe-helper') return runProbeHelper(machine, words.slice(1))
  const asked = parseWords(words)
  if (asked.wants !== undefined) {
    machine.self.print(asked.wants === 'help' ? HELP : `${version} on ${machine.self.engine}\n`)
    return 0
  }
  const log = new Log(machine, { hasLevels: machine.self.environment('JOURNAL_STREAM') !== undefined })
  if (asked.domstats !== undefined) return runRecording(machine, asked.domstats, asked)
  const isByHand = asked.command === 'doctor' || asked.isOnce
  const config = isByHand ? configForLook(machine, asked.configPath) : readConfig(machine, asked.configPath)
  if (asked.command === 'doctor') return runDoctor(machine, config, log)
  if (asked.isOnce) return runOnce({ machine, config, log, asked })
  if (asked.isLive) return runLive({ machine, config, log, asked })
  return keepRunning({ machine, config, log, asked })
}

/** Whoever may not read the settings of the service may still look: with the defaults, and told so. */
function configForLook(machine: Machine, path: string | undefined): AgentConfig {
  if (path !== undefined || machine.access(CONFIG_PATH) !== 'denied') return readConfig(machine, path)
  machine.self.complain(`ethos agent: ${CONFIG_PATH} may not be read by this user: these are the defaults\n`)
  return parseConfig(machine, new Map())
}

/** Runs until it is told to stop. SIGHUP reads the settings again: if they can't be meant, the old ones stay and it is said why. SIGUSR1 has what is
 *  cheap looked at each second for some minutes from then on. */
async function keepRunning(first: Omit<RunRequest, 'signal' | 'demand'>): Promise<number> {
  const { machine, log, asked } = first
  let { config } = first
  let control = new AbortController()
  let isReloading = false
  for (const name of ['SIGTERM', 'SIGINT'] as const) machine.self.onSignal(name, () => control.abort())
  const demand = { untilMs: Number.NEGATIVE_INFINITY }
  machine.self.onSignal('SIGUSR1', () => {
    demand.untilMs = machine.monotonicMs() + ON_DEMAND_MS
  })
  machine.self.onSignal('SIGHUP', () => {
    isReloading = true
    control.abort()
  })
  for (;;) {
    await notify(machine, 'ready')
    const code = await runAgent({ machine, config, log, asked, demand, signal: control.signal })
    if (!isReloading) {
      await notify(machine, 'stopping')
      return code
    }
    isReloading = false
    control = new AbortController()
    await notify(machine, 'reloading')
    try {
      config = readConfig(machine, asked.configPath)
      log.tell('notice', 'the settings were read again')
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      log.tell('error', `the settings were not taken over, the old ones stay: ${error.message}`)
    }
  }
}
