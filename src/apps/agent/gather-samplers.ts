import { ApplicationsSampler } from '../../drivers/guest/applications/applications-sampler.ts'
import type { Machine } from '../../drivers/guest/machine.ts'
import { ProbesSampler } from '../../drivers/guest/probes/probes-sampler.ts'
import type { Sampler } from '../../drivers/guest/sampler.ts'
import { makeSamplers } from '../../drivers/guest/samplers/make-samplers.ts'
import type { AgentConfig } from './config.ts'

/** All samplers that the configuration switches on: those of /proc and /sys, the probes, the applications. */
export function gatherSamplers(machine: Machine, config: AgentConfig): readonly Sampler[] {
  const { samplers, probes, applications } = config
  return [
    ...makeSamplers(machine, samplers),
    ...(samplers.has('probes') ? [new ProbesSampler(machine, probes)] : []),
    ...(samplers.has('applications') ? [new ApplicationsSampler(machine, applications)] : []),
  ]
}
