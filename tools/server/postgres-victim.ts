/** A process that takes vectors into PostgreSQL until it is killed: a line on standard output for each that was acknowledged.
 *  `node postgres-victim.ts URL SCHEMA NAME VMS`. */
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { openPostgresSite } from '../../src/drivers/postgres/site.ts'
import { admit } from '../../src/engine/admission/senders.ts'
import { StoreError } from '../../src/world/errors.ts'
import { aVictimVector, victimVms } from './postgres-load.ts'

const [url = '', schema = '', name = '', vms = '1'] = process.argv.slice(2)
const store = await untilDone('', () =>
  openPostgresSite(url, { admit, schema, limits: { connectMs: 2000, statementMs: 20_000 } }),
)
for (let sequence = 0; ; sequence++) {
  const at = Date.now()
  const arrivals = victimVms(name, Number(vms)).map((vm) => ({
    vm,
    at,
    vectors: [aVictimVector(vm, { sender: name, sequence, windowEnd: at })],
    isClockOff: [false],
    counts: {},
  }))
  await untilDone(`vectors ${sequence}`, () => store.vectors.take(arrivals))
  await untilDone(`line ${name} ${sequence}`, () => store.journal.append(`${name} ${sequence}`, at))
}

/** Tries until the store says that it is done; what is told to the parent is what an agent would be told. */
async function untilDone<T>(what: string, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const result = await act()
      if (what !== '') writeSync(1, `${what}\n`)
      return result
    } catch (error) {
      if (!(error instanceof StoreError && error.retryable)) throw error
      writeSync(1, `again ${error.code}\n`)
      await pause(20)
    }
  }
}
