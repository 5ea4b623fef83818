/** Orders that a host is emptied. Forced is only what was refused because a rule keeps VMs from leaving it. */
import { type Api, path } from './api.ts'
import { Deed } from './deed.svelte.ts'

export interface EvacuationWish {
  readonly host: string
  readonly reason: string
}

export class EvacuationOrder {
  readonly deed = new Deed()
  private readonly api: Api
  private refused: EvacuationWish | undefined = $state.raw()

  constructor(api: Api) {
    this.api = api
  }

  /** Whether this wish, and no other, was refused for a rule. */
  mayForce({ host, reason }: EvacuationWish): boolean {
    return this.deed.isRefusedByRule && this.refused?.host === host && this.refused.reason === reason.trim()
  }

  /** True where it was done. `isForced` counts only where it may be. */
  async put(wish: EvacuationWish, { isForced = false } = {}): Promise<boolean> {
    const { host } = wish
    const reason = wish.reason.trim()
    if (this.deed.isAsking || reason === '') return false
    const isByForce = isForced && this.mayForce(wish)
    this.refused = { host, reason }
    return this.deed.ask(async () => {
      const body = { reason, ...(isByForce ? { isForced } : {}) }
      await this.api.ask(path`/v1/hosts/${host}/maintenance`, { method: 'PUT', body })
      return { text: `${host} is in maintenance${isByForce ? ', by force' : ''}: no VM goes there any more.` }
    })
  }
}
