/** The driver behind the last question: nothing reaches the platform that may not begin at that very moment, however long it waited. */
import type { MigrationIntent } from '../../terms/intent.ts'
import type { MigrationDriver, MoveCall } from '../../world/migration-driver.ts'

/** Answers at once whether a move may begin. */
export interface StartGate {
  /** Reads what people want now; a reason where it can't be read. */
  refresh(): Promise<string | undefined>
  /** Why not; undefined: it may. Does not wait, so that nothing comes between the answer and the call. */
  whyNot(intent: MigrationIntent): string | undefined
}

/** The same six verbs; `migrate` sends nothing that the gate does not allow. */
export function permitted(driver: MigrationDriver, gate: StartGate): MigrationDriver {
  return {
    name: driver.name,
    list: () => driver.list(),
    observe: (vmId, hostId) => driver.observe(vmId, hostId),
    preflight: (intent) => driver.preflight(intent),
    progress: (vmId, hostId) => driver.progress(vmId, hostId),
    cancel: (vmId, hostId) => driver.cancel(vmId, hostId),
    close: () => driver.close(),
    async migrate(intent, fence, objection): Promise<MoveCall> {
      let unread: string | undefined
      // What people say to another server of the store is not told here: it is read, now and once more when the driver is ready.
      const lookAgain = async (): Promise<void> => {
        unread = await gate.refresh()
      }
      const whyNot = (): string | undefined => unread ?? objection?.() ?? gate.whyNot(intent)
      await lookAgain()
      const reason = whyNot()
      if (reason !== undefined) return { kind: 'never-sent', reason }
      return driver.migrate(intent, fence, whyNot, lookAgain)
    },
  }
}
