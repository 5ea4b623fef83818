/** What each switch of the engine does to the agent's memory and CPU: all side by side, so that what the machine does meets all of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentVariant, startAgents } from './agents.ts'
import { useOf } from './process-use.ts'

/** The engine as it comes, but for what a variant names. */
const OFF = { ETHOS_LEAN: 'off' } as const

const VARIANTS: readonly Omit<AgentVariant, 'vm'>[] = [
  { name: 'Node as it comes', on: 'node', environment: OFF },
  { name: 'Node, no arenas: MALLOC_ARENA_MAX=1', on: 'node', environment: { ...OFF, MALLOC_ARENA_MAX: '1' } },
  { name: 'Node --single-threaded', on: 'node', engine: ['--single-threaded'], environment: OFF },
  { name: 'Node --max-semi-space-size=1', on: 'node', engine: ['--max-semi-space-size=1'], environment: OFF },
  { name: 'Node --optimize-for-size', on: 'node', engine: ['--optimize-for-size'], environment: OFF },
  { name: 'Node --no-opt --no-maglev', on: 'node', engine: ['--no-opt', '--no-maglev'], environment: OFF },
  { name: 'Node --jitless', on: 'node', engine: ['--jitless'], environment: OFF },
  { name: 'Node --lite-mode', on: 'node', engine: ['--lite-mode'], environment: OFF },
  { name: 'Node as shipped', on: 'node' },
  { name: 'executable as it comes', on: 'executable', environment: OFF },
  {
    name: 'executable, one marker: BUN_JSC_numberOfGCMarkers=1, useConcurrentGC=0',
    on: 'executable',
    environment: { ...OFF, BUN_JSC_numberOfGCMarkers: '1', BUN_JSC_useConcurrentGC: '0' },
  },
  {
    name: 'executable, BUN_JSC_forceRAMSize=67108864',
    on: 'executable',
    environment: { ...OFF, BUN_JSC_forceRAMSize: '67108864' },
  },
  { name: 'executable as shipped: BUN_JSC_useJIT=0', on: 'executable' },
]

const WARM_UP_SEC = 20

/** Lines of a table. */
export async function measureVariants(folder: string, seconds: number): Promise<readonly string[]> {
  const variants = VARIANTS.map((variant, i) => ({ ...variant, vm: `vm-${i}` }))
  const agents = await startAgents(folder, () => ['vector-every = 1min'], variants)
  try {
    await sleep(WARM_UP_SEC * 1000)
    const before = agents.list.map(({ pid }) => useOf(pid))
    const startMs = performance.now()
    await sleep(seconds * 1000)
    const spanMs = performance.now() - startMs
    const rows = agents.list.map(({ name, pid }, i) => {
      const use = useOf(pid)
      const percent = (((use.cpuMs - before[i].cpuMs) / spanMs) * 100).toFixed(3)
      return `| ${name} | ${percent} % | ${mega(use.residentBytes)} | ${mega(use.anonymousBytes)} |`
    })
    return ['| how it was started | CPU of a core | RSS, MiB | anonymous, MiB |', '|---|---|---|---|', ...rows]
  } finally {
    await agents.stop()
  }
}

function mega(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
