/** What is killed: offers vectors to a courier whose server is away, and says of each when it is kept. Words: VM, state folder, run, spool size. */
import { writeSync } from 'node:fs'
import { parseConfig } from '../src/apps/agent/config.ts'
import { parseConfigFile } from '../src/apps/agent/config-file.ts'
import { Courier } from '../src/apps/agent/courier.ts'
import { Log } from '../src/apps/agent/log.ts'
import { nodeMachine } from '../src/drivers/guest/node-machine.ts'
import { vectorLines } from './agent-lines.ts'

const [vm = '', state = '', run = '', spoolKiB = ''] = process.argv.slice(2)
const real = nodeMachine()
const machine = { ...real, self: { ...real.self, complain: () => undefined } }
const settings = `vm = ${vm}\nserver = https://127.0.0.1:1\nstate = ${state}\nspool-size = ${spoolKiB}KiB`
const config = parseConfig(machine, parseConfigFile(settings, 'agent.conf'))
const courier = new Courier({ machine, config, log: new Log(machine, { hasLevels: false }), vm })
const control = new AbortController()
const running = courier.run(control.signal)
for (let sequence = 0; sequence < 10_000; sequence++) {
  const [line] = vectorLines(vm, run, { from: sequence, to: sequence + 1, endMs: Date.now() })
  courier.offer(line)
  writeSync(1, `${run}/${sequence}\n`)
  if (sequence % 8 === 0) await machine.sleep(1)
}
control.abort()
await running
