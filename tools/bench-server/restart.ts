/** From a process's start to the first ranking. */
import { measureRestart } from '../server/restart.ts'
import { measuredNumber, type ServerSection } from './section.ts'

const GOAL_SEC = 10

export const section: ServerSection = {
  name: 'restart',
  summary:
    'A store with 10,000 VMs on 300 hosts and 7 days of six resources by slots of 5 min (made once, kept in build/): `ethos serve` starts, and is ' +
    'asked over HTTPS for the hosts of one VM until it ranks them all: first by what the store holds, then by a turn of the controller.',
  run: async (size) => {
    const { rankingSec, turnSec, rssMiB, hosts, cpuSec } = await measureRestart(size)
    const goal = size.isSmall ? {} : { goal: { atMost: GOAL_SEC } }
    return [
      measuredNumber(`start of the process to the first ranking of ${hosts} hosts`, rankingSec, { unit: 's', ...goal }),
      measuredNumber('to the first one by a turn of the controller', turnSec, { unit: 's', ...goal }),
      measuredNumber('CPU time of all processes until then', cpuSec, { unit: 's' }),
      measuredNumber('memory of the main process then, the threads of store and ranker included', rssMiB, {
        unit: 'MiB',
      }),
    ]
  },
}
