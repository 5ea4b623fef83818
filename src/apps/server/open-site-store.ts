export type StoreConfig = { readonly kind: 'sqlite'; readonly path: string }
import type { SiteStore } from '../../world/site-store.ts'
export async function openSiteStore(_config: StoreConfig): Promise<SiteStore> {
  throw new Error('not yet')
}
