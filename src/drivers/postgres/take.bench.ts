import { bench } from '../../../tools/benchmark.ts'
import { PostgresServer, withoutPostgres } from '../../../tools/postgres-server.ts'
import { aVictimVector, victimVms } from '../../../tools/server/postgres-load.ts'
import { admit } from '../../engine/admission/senders.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { openPostgresSite } from './site.ts'

const VMS = 500
const NOON = 1_728_043_200_000
const LET_IN = `SET search_path = ethos; INSERT INTO vms (vm) SELECT 'b-vm-' || i FROM generate_series(0, ${VMS - 1}) AS i;
  INSERT INTO identities (vm_id, joined_at) SELECT id, 0 FROM vms;`

/** CPU of this process alone, which is what one more process of Ethos adds: PostgreSQL's own is another's. One vector of each of 500 VMs a batch, a
 *  slot of time after the other; each batch is one durable transaction. */
async function takeVectors(count: number): Promise<number> {
  const server = await PostgresServer.start()
  try {
    const store = await openPostgresSite(server.url(), { admit })
    server.sql(LET_IN, 'ethos')
    const vms = victimVms('b', VMS)
    let accepted = 0
    for (let sequence = 0; accepted < count; sequence++) {
      const at = NOON + sequence * SLOT_MS
      const intakes = await store.vectors.take(
        vms.map((vm) => {
          const vectors = [aVictimVector(vm, { sender: 'run-1', sequence, windowEnd: at })]
          return { vm, at, vectors, isClockOff: [false], counts: {} }
        }),
      )
      for (const intake of intakes) accepted += intake.kind === 'heard' ? intake.outcomes.length : 0
    }
    await store.close()
    return accepted
  } finally {
    await server.remove()
  }
}

if (withoutPostgres === false) bench('take vectors into PostgreSQL', { smoke: 500, full: 50_000 }, takeVectors)
