import type { AdmissionRule } from '../../world/site-store.ts'
import { ApiTokenTable } from './api-tokens.ts'
import { AuditLog } from './audit-log.ts'
import type { Database } from './database.ts'
import { FullVectors } from './full-vectors.ts'
import { HourlyVectors } from './hourly-vectors.ts'
import { HostTable } from './host-table.ts'
import { IdentityTable } from './identity-table.ts'
import { VectorIntake } from './intake.ts'
import { JoinTokenTable } from './join-tokens.ts'
import { JournalTable } from './journal-table.ts'
import { LeaseTable } from './lease-table.ts'
import { PhaseModelTable } from './phase-models.ts'
import { SettingTable } from './setting-table.ts'
import { Standings } from './standings.ts'
import { UsageStore } from './usage-store.ts'
import { VmNames } from './vm-names.ts'

/** All tables of one file, over one connection. They are synchronous; changes are made within the caller's transaction. */
export class Tables {
  readonly database: Database
  readonly names: VmNames
  readonly standings: Standings
  readonly identities: IdentityTable
  readonly joinTokens: JoinTokenTable
  readonly apiTokens: ApiTokenTable
  readonly vectors: FullVectors
  readonly hourly: HourlyVectors
  readonly intake: VectorIntake
  readonly usage: UsageStore
  readonly hosts: HostTable
  readonly journal: JournalTable
  readonly audit: AuditLog
  readonly phases: PhaseModelTable
  readonly settings: SettingTable
  readonly leases: LeaseTable

  constructor(database: Database, admit: AdmissionRule) {
    this.database = database
    this.names = new VmNames(database)
    this.standings = new Standings(database, this.names)
    this.identities = new IdentityTable(database, this.names, this.standings)
    this.joinTokens = new JoinTokenTable(database)
    this.apiTokens = new ApiTokenTable(database)
    this.vectors = new FullVectors(database)
    this.hourly = new HourlyVectors(database)
    this.usage = new UsageStore(database, this.names)
    const { standings, vectors } = this
    this.intake = new VectorIntake({ database, admit, standings, vectors, usage: this.usage.slabs })
    this.hosts = new HostTable(database)
    this.journal = new JournalTable(database)
    this.audit = new AuditLog(database)
    this.phases = new PhaseModelTable(database)
    this.settings = new SettingTable(database)
    this.leases = new LeaseTable(database)
    database.onUndone = () => {
      this.names.forget()
      this.standings.forget()
      this.usage.slabs.forget()
    }
  }
}
