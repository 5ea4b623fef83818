/** Everything that this client can ever send. A connection refuses whatever is not here, and `procedures.test.ts` lists the numbers. */
import { DOMAIN_PROCEDURES } from './procedures-domain.ts'
import { HOST_PROCEDURES } from './procedures-host.ts'
import { MIGRATION_PROCEDURES, POST_COPY_PROCEDURES } from './procedures-migration.ts'

/** What all procedures have, whatever they carry. */
export interface AnyProcedure {
  readonly name: string
  readonly number: number
}

const PLAIN: ReadonlySet<AnyProcedure> = new Set<AnyProcedure>([
  ...Object.values(HOST_PROCEDURES),
  ...Object.values(DOMAIN_PROCEDURES),
  ...Object.values(MIGRATION_PROCEDURES),
])
const POST_COPY: ReadonlySet<AnyProcedure> = new Set<AnyProcedure>(Object.values(POST_COPY_PROCEDURES))

/** Which procedures a connection may send. */
export function sendableProcedures({
  isPostCopyAllowed,
}: {
  readonly isPostCopyAllowed: boolean
}): readonly AnyProcedure[] {
  return [...PLAIN, ...(isPostCopyAllowed ? POST_COPY : [])]
}

/** Whether a connection may send a procedure: the very object, not one like it. */
export function maySend(
  procedure: AnyProcedure,
  { isPostCopyAllowed }: { readonly isPostCopyAllowed: boolean },
): boolean {
  return PLAIN.has(procedure) || (isPostCopyAllowed && POST_COPY.has(procedure))
}
