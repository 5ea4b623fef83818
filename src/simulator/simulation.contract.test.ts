import { clockContract } from '../world/clock.contract.ts'
import { hypervisorContract } from '../world/hypervisor.contract.ts'
import { storeContract } from '../world/store.contract.ts'
import { telemetrySourceContract } from '../world/telemetry-source.contract.ts'
import { aDemand, anOrder, aSimulation, STEP_MS } from './builders.ts'
import { MemoryStore } from './memory-store.ts'
import { CLOUDSIM_RULES, HONEST_RULES } from './rules.ts'
import { VirtualClock } from './virtual-clock.ts'

const FLAT = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2]

for (const rules of [CLOUDSIM_RULES, HONEST_RULES]) {
  const make = () => aSimulation({ demand: aDemand([FLAT, FLAT]), rules })

  hypervisorContract(`the simulator under ${rules.name} rules`, async () => {
    const hypervisor = make()
    return {
      hypervisor,
      order: async () => anOrder(0, 0, 1),
      finish: () => hypervisor.sleepUntil(hypervisor.now() + 2 * STEP_MS),
    }
  })

  telemetrySourceContract(`the simulator under ${rules.name} rules`, async () => {
    const simulation = make()
    return {
      telemetry: simulation,
      clock: simulation,
      inventory: () => simulation.inventory(),
      pass: () => simulation.sleepUntil(simulation.now() + STEP_MS),
    }
  })

  clockContract(`the simulator under ${rules.name} rules`, async () => ({ clock: make(), napMs: STEP_MS / 2 }))
}

clockContract('the virtual clock', async () => ({ clock: new VirtualClock(), napMs: 1000 }))

storeContract(
  'the memory store',
  async () => {
    const store = new MemoryStore()
    return { store, reopen: async () => store }
  },
  {
    cannot: [
      { test: 'what was appended is there after opening the store again', because: 'memory is gone when it is closed' },
    ],
  },
)
