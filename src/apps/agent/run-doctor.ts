import type { Machine } from '../../drivers/guest/machine.ts'
import type { AgentConfig } from './config.ts'
import { vmIdOf } from './config.ts'
import { type Check, showDoctor } from './doctor.ts'
import { gatherSamplers } from './gather-samplers.ts'
import type { Log } from './log.ts'
import { onPaper, paperOf } from './paper.ts'
import { Watch } from './watch.ts'

/** Prints what can be seen. Exit code 0: not to see something is no failure. */
export async function runDoctor(machine: Machine, config: AgentConfig, log: Log): Promise<number> {
  const watch = new Watch(machine, gatherSamplers(machine, config), log)
  const findings = await watch.findings()
  await watch.close()
  const vmId = vmIdOf(machine, config)
  const checks = [name(vmId), user(machine), engine(machine), uplink(machine, config), state(machine, config)]
  const paper = paperOf(machine.self)
  machine.self.print(onPaper(paper, showDoctor(vmId ?? 'no name', { findings, checks }, paper)))
  return 0
}

function name(vmId: string | undefined): Check {
  const what = 'name of this VM'
  if (vmId !== undefined) return { what, state: 'good', because: vmId }
  const because = 'neither the settings, the hardware nor /etc/machine-id tell one'
  return { what, state: 'warning', because, remedy: 'write `vm = NAME` into the settings' }
}

function user({ self }: Machine): Check {
  const what = 'user'
  if (self.userId !== 0) return { what, state: 'good', because: `number ${self.userId}, not root` }
  const because = 'root: it sees more than it will as a service, and has rights that it does not need'
  return { what, state: 'warning', because, remedy: 'run it as the unit does, as the user ethos-agent' }
}

function engine({ self }: Machine): Check {
  return { what: 'runs on', state: 'good', because: self.engine }
}

/** Which way vectors go, as the settings and the machine have it; nobody is called. */
function uplink(machine: Machine, config: AgentConfig): Check {
  const what = 'where vectors go'
  const hasPort = machine.access(config.virtioPort) !== 'missing'
  if (config.uplink === 'virtio' || (config.uplink === 'auto' && hasPort)) {
    const access = machine.access(config.virtioPort)
    if (access === 'readable') return { what, state: 'good', because: `to the host, by ${config.virtioPort}` }
    const remedy = 'give the VM the channel org.ethos.agent.0, and its port to the group ethos-agent'
    return { what, state: 'bad', because: `${config.virtioPort} is ${access}`, remedy }
  }
  if (config.uplink === 'none') return { what, state: 'warning', because: 'nowhere: `uplink = none`' }
  if (config.server !== undefined) return { what, state: 'good', because: `to ${config.server}` }
  const because = 'nowhere: the settings name no server, and the host offers no channel'
  return { what, state: 'warning', because, remedy: 'write `server = https://HOST:8470` into the settings' }
}

function state(machine: Machine, { stateFolder }: AgentConfig): Check {
  const what = 'identity, history, spool'
  const access = machine.access(stateFolder)
  if (access === 'readable') return { what, state: 'good', because: stateFolder }
  if (access === 'missing')
    return { what, state: 'warning', because: `${stateFolder} is not there yet: the first run makes it` }
  const remedy = 'it belongs to the user ethos-agent: is this another user?'
  return { what, state: 'warning', because: `${stateFolder} can not be read by this user`, remedy }
}
