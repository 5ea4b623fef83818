/** The probe helper from the sources, for tests and benchmarks: `node tools/probes/helper.ts once --config FILE`. */
import { runProbeHelper } from '../../src/apps/agent/probe-helper.ts'
import { nodeMachine } from '../../src/drivers/guest/node-machine.ts'

process.exitCode = await runProbeHelper(nodeMachine(), process.argv.slice(2))
