import type { Machine } from '../../drivers/guest/machine.ts'
import type { Sampler } from '../../drivers/guest/sampler.ts'
import { makeSamplers } from '../../drivers/guest/samplers/make-samplers.ts'
import type { AgentConfig } from './config.ts'

/** All samplers that the configuration switches on: those of /proc and /sys, the probes, the applications. */
export function gatherSamplers(machine: Machine, config: AgentConfig): readonly Sampler[] {
  return makeSamplers(machine, config.samplers)
}
