/** For `watch.ts`: a process that is nothing but the demo, as `ethos serve --demo` runs it, from the beginning that it is told. It ends with its parent. */
import { keepCompiled } from '../../src/apps/compile-cache.ts'
import { keepGarbageYoung } from '../../src/apps/young-garbage.ts'

/** Said once, when it listens. */
export interface Begun {
  readonly port: number
  readonly token: string
  /** Since the process began, and what it took of CPU meanwhile. */
  readonly afterSec: number
  readonly cpuSec: number
}

keepGarbageYoung()
keepCompiled()
const { startDemo } = await import('../../src/apps/demo-site/demo.ts')
const { makeLog } = await import('../../src/apps/server/log.ts')
const [seed, slot] = process.argv.slice(2).map(Number)
const demo = await startDemo({
  host: '127.0.0.1',
  port: 0,
  version: '0.0.0-watched',
  log: makeLog('text', (text) => void process.stderr.write(text)),
  areMetricsOpen: false,
  beginning: { seed, slot },
})
process.once('disconnect', () => void demo.close())
const { user, system } = process.cpuUsage()
const begun: Begun = {
  port: demo.server.port,
  token: demo.server.firstToken ?? '',
  afterSec: performance.now() / 1000,
  cpuSec: (user + system) / 1e6,
}
process.send?.(begun)
