/** What the probe helper uses beside the agent: rounds as its timer starts them, user 0 with two capabilities, by the program that ships. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseResults } from '../../src/drivers/guest/probes/results.ts'
import { PROBE_DEFAULTS } from '../../src/drivers/guest/probes/settings.ts'
import { TWO_CAPABILITIES, whereTracefsIs } from '../probes/tracing.ts'
import type { StartedAgent } from './agents.ts'
import { useOf } from './process-use.ts'

export interface ProbeRounds {
  readonly name: string
  readonly rounds: number
  /** Of the helper and all that it ran, in a round, by ticks of 10 ms. */
  readonly cpuMsPerRound: number
  /** Of a core at the default period. */
  readonly cpuShare: number
  /** What counted system calls in the last round. */
  readonly way: string
}

/** One round for each agent, then again after the period, so many times. */
export async function measureRounds(agents: readonly StartedAgent[], rounds: number): Promise<readonly ProbeRounds[]> {
  const usedMs = agents.map(() => 0)
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) {
    await sleep(Math.max(0, startMs + round * PROBE_DEFAULTS.everyMs - performance.now()))
    for (const [i, agent] of agents.entries()) usedMs[i] += await oneRound(agent)
  }
  return agents.map((agent, i) => {
    const cpuMsPerRound = usedMs[i] / rounds
    const cpuShare = cpuMsPerRound / PROBE_DEFAULTS.everyMs
    return { name: agent.name, rounds, cpuMsPerRound, cpuShare, way: wayOf(agent) }
  })
}

/** CPU time of a round, in ms. */
async function oneRound({ program, config }: StartedAgent): Promise<number> {
  const command = [...TWO_CAPABILITIES, ...program, 'probe-helper', 'once', '--config', config]
  const [first, ...words] = whereTracefsIs(command)
  // No other child of ours ends meanwhile.
  const beforeMs = useOf(process.pid).childrenCpuMs
  const child = spawn(first, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const status = await new Promise((resolve) => void child.once('close', resolve))
  if (status !== 0) throw new Error(`the probe helper ended with ${String(status)}`)
  return useOf(process.pid).childrenCpuMs - beforeMs
}

function wayOf({ config }: StartedAgent): string {
  const { rates } = parseResults(readFileSync(join(dirname(config), 'probes.json'), 'utf8'))
  return rates.file?.counter ?? 'none'
}
