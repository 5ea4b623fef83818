import { type Machine, MachineError } from '../machine.ts'

/** No application is waited for longer than this, whatever it says in the meantime. Nobody waits for it but us: so it is long enough for a VM that
 *  gets little CPU. In an emulated guest under load PostgreSQL took 0.2 to 1 s to let us in, up to 2.3 s for the first statement, and we are
 *  held back by the limits of our unit beside. */
export const COLLECT_MS_MAX = 10_000

/** Does `work`, unless it takes too long: then `stop` closes what it waits for, and the promise rejects with ETIMEDOUT. */
export async function withDeadline<T>(
  machine: Pick<Machine, 'sleep'>,
  { ms, stop }: { readonly ms: number; readonly stop: () => void },
  work: () => Promise<T>,
): Promise<T> {
  const control = new AbortController()
  let isOver = false
  const late = machine.sleep(ms, control.signal).then((): never => {
    isOver = !control.signal.aborted
    if (isOver) stop()
    throw new MachineError('ETIMEDOUT', `no whole answer within ${ms} ms`)
  })
  // Whoever loses the race is heard by nobody; an error of it is not ours to die of.
  late.catch(ignore)
  const asked = work()
  asked.catch(ignore)
  try {
    return await Promise.race([asked, late])
  } finally {
    control.abort()
  }
}

function ignore(): void {
  // Nothing: see above.
}
