import { StoreError } from '../../world/errors.ts'
import type { VmId } from '../../terms/ids.ts'
import type { Database } from './database.ts'

/** VMs that a file can tell apart: keys of other tables have so many bits for them. */
export const VMS_MAX = 2 ** 24

/** Names of VMs and the integers that stand for them. Neither is ever given to another. */
export class VmNames {
  private readonly database: Database
  private readonly numbers = new Map<string, number>()

  constructor(database: Database) {
    this.database = database
  }

  /** The number of a VM; undefined if its name was never heard. */
  find(vm: VmId): number | undefined {
    const known = this.numbers.get(vm)
    if (known !== undefined) return known
    const id = this.database.first('SELECT id FROM vms WHERE name = ?', vm)?.['id'] as number | undefined
    if (id !== undefined) this.numbers.set(vm, id)
    return id
  }

  /** The number of a VM, given now if it is new. */
  give(vm: VmId): number {
    const known = this.find(vm)
    if (known !== undefined) return known
    const id = Number(this.database.first('INSERT INTO vms (name) VALUES (?) RETURNING id', vm)?.['id'])
    if (id >= VMS_MAX) throw new StoreError('full', `${this.database.path}: more than ${VMS_MAX} names of VMs.`)
    this.numbers.set(vm, id)
    return id
  }

  /** Forgets what it remembers, after changes were undone. */
  forget(): void {
    this.numbers.clear()
  }
}
