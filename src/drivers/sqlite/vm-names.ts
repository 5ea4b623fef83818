import { StoreError } from '../../world/errors.ts'
import type { VmId } from '../../terms/ids.ts'
import type { Database } from './database.ts'

/** Names that a file can tell apart: keys of other tables have so many bits for them. */
const NAMES_MAX = 2 ** 24
/** From here on they are of hosts: those lie together, so that the usage of all hosts is read without that of their VMs. */
const HOSTS_FROM = NAMES_MAX / 2
/** The number after the highest that was given below a bound, and no less than another. */
const ADD = `
  INSERT INTO vms (id, name) SELECT 1 + max(coalesce((SELECT id FROM vms WHERE id < ?1 ORDER BY id DESC LIMIT 1), 0), ?2), ?3 RETURNING id`

/** Names of VMs, and of hosts as they are kept beside VMs, and the integers that stand for them. Neither is ever given to another. */
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
    return this.find(vm) ?? this.add(vm, { from: 0, to: HOSTS_FROM })
  }

  /** The same of a name under which a host's usage is kept. */
  giveHost(name: VmId): number {
    return this.find(name) ?? this.add(name, { from: HOSTS_FROM, to: NAMES_MAX })
  }

  private add(name: VmId, { from, to }: { readonly from: number; readonly to: number }): number {
    if (this.database.first('SELECT 1 FROM vms WHERE id = ?', to - 1) !== undefined)
      throw new StoreError('full', `${this.database.path}: more than ${to - from} names.`)
    const id = Number(this.database.first(ADD, to, from, name)?.['id'])
    this.numbers.set(name, id)
    return id
  }

  /** Forgets what it remembers, after changes were undone. */
  forget(): void {
    this.numbers.clear()
  }
}
