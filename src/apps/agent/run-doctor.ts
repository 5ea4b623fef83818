import type { Machine } from '../../drivers/guest/machine.ts'
import { printable } from '../printable.ts'
import type { AgentConfig } from './config.ts'
import { vmIdOf } from './config.ts'
import { type Check, showDoctor } from './doctor.ts'
import { gatherSamplers } from './gather-samplers.ts'
import type { Log } from './log.ts'
import { Watch } from './watch.ts'

/** Prints what can be seen. Exit code 0: not to see something is no failure. */
export async function runDoctor(machine: Machine, config: AgentConfig, log: Log): Promise<number> {
  const watch = new Watch(machine, gatherSamplers(machine, config), log)
  const findings = await watch.findings()
  await watch.close()
  const vmId = vmIdOf(machine, config)
  const checks: Check[] = [
    vmId === undefined
      ? {
          what: 'name of this VM',
          state: 'warning',
          because: 'neither the settings, the hardware nor /etc/machine-id tell one',
          remedy: 'write `vm = NAME` into the settings',
        }
      : { what: 'name of this VM', state: 'good', because: vmId },
    { what: 'runs on', state: 'good', because: machine.self.engine },
  ]
  machine.self.print(printable(showDoctor(vmId ?? 'no name', findings, checks)))
  return 0
}
