import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'
import type { AdmissionRule, SiteStore } from './site-store.ts'
import { PEOPLE_SENTENCES } from './site-store-people.contract.ts'
import { RECORD_SENTENCES } from './site-store-records.contract.ts'
import { USAGE_SENTENCES } from './site-store-usage.contract.ts'
import { VECTOR_SENTENCES } from './site-store-vectors.contract.ts'

/** Where one store is, empty at first. What is opened is closed by the contract, before the place is disposed of. */
export interface SiteStorePlace extends Disposable {
  /** Opens it, as any process does: beside others that have it open, or after they closed it or crashed. */
  readonly open: () => Promise<SiteStore>
}

/** An empty store, opened with a rule of admission, and how to open the same one again after it was closed or left behind by a crash. */
export interface SiteStoreSubject extends Disposable {
  readonly store: SiteStore
  readonly reopen: () => Promise<SiteStore>
  /** The same store opened beside the first, as another process does. */
  readonly beside: () => Promise<SiteStore>
}

/** What every store of a site must do. @param make gives a place whose store judges arrivals by `admit` */
export function siteStoreContract(
  name: string,
  make: (admit: AdmissionRule) => Promise<SiteStorePlace>,
  options: ContractOptions = {},
): void {
  registerContract(`${name} is a store of a site`, async () => subjectAt(await make(A_RULE)), SENTENCES, options)
}

async function subjectAt({ open, dispose }: SiteStorePlace): Promise<SiteStoreSubject> {
  const opened: SiteStore[] = []
  const openOne = async (): Promise<SiteStore> => {
    const store = await open()
    opened.push(store)
    return store
  }
  return {
    store: await openOne(),
    reopen: openOne,
    beside: openOne,
    dispose: async () => {
      for (const store of opened) await store.close()
      await dispose?.()
    },
  }
}

const SENTENCES: Sentences<SiteStoreSubject> = {
  ...PEOPLE_SENTENCES,
  ...VECTOR_SENTENCES,
  ...USAGE_SENTENCES,
  ...RECORD_SENTENCES,
}

/** A rule as simple as one can be that has all answers: the server's own is tested where it lives. */
const A_RULE: AdmissionRule = (known, { sender, sequence, kept }) => {
  if (kept === 'same') return { kind: 'duplicate' }
  if (kept === 'other') return { kind: 'quarantine', reason: `two vectors are number ${sequence}` }
  const place = known.senders.findIndex((one) => one.sender === sender)
  if (place >= 0 && sequence <= known.senders[place].sequence) return { kind: 'duplicate' }
  if (place >= 0 && place < known.senders.length - 1 && !known.isReleased)
    return { kind: 'quarantine', reason: `${sender} goes on` }
  const others = known.senders.filter((one) => one.sender !== sender)
  return { kind: 'taken', next: { senders: [...others, { sender, sequence }].slice(-4), isReleased: false } }
}
