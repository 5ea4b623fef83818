/** From the start of a process to its first ranking. */
import { measureRestart } from '../server/restart.ts'
import { measuredNumber, type ServerSection } from './section.ts'

export const section: ServerSection = {
  name: 'restart',
  summary: '10,000 VMs on 300 hosts with 7 days of history: from the start of the process.',
  run: async (size) => {
    const { rankingSec, turnSec, rssMiB } = await measureRestart(size)
    return [
      measuredNumber('first valid ranking of all hosts', rankingSec, { unit: 's', goal: { atMost: 10 } }),
      measuredNumber('first turn of the controller', turnSec, { unit: 's' }),
      measuredNumber('resident memory of the main process then', rssMiB, { unit: 'MiB' }),
    ]
  },
}
