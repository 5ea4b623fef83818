/** Says that a VM is to be left alone, or that it may be moved again. Forced is only what was refused because another rule wants it moved. */
import { type Api, path } from './api.ts'
import { Deed } from './deed.svelte.ts'

export interface OptOutWish {
  readonly vm: string
  readonly reason: string
}

export class OptOut {
  readonly deed = new Deed()
  private readonly api: Api
  private refused: OptOutWish | undefined = $state.raw()

  constructor(api: Api) {
    this.api = api
  }

  /** Whether this wish, and no other, was refused for a rule. */
  mayForce(wish: OptOutWish): boolean {
    const { refused, deed } = this
    return deed.isRefusedByRule && refused?.vm === wish.vm.trim() && refused.reason === wish.reason.trim()
  }

  /** True where it was done. `isForced` counts only where it may be. */
  async put(wish: OptOutWish, { isForced = false } = {}): Promise<boolean> {
    const mine = { vm: wish.vm.trim(), reason: wish.reason.trim() }
    if (this.deed.isAsking || mine.vm === '' || mine.reason === '') return false
    const isByForce = isForced && this.mayForce(mine)
    const body = { reason: mine.reason, ...(isByForce ? { isForced } : {}) }
    this.refused = mine
    return this.deed.ask(async () => {
      await this.api.ask(path`/v1/vms/${mine.vm}/opt-out`, { method: 'PUT', body })
      return { text: `${mine.vm} is left alone${isByForce ? ' by force' : ' from now on'}.` }
    })
  }

  takeBack(vm: string): Promise<boolean> {
    return this.deed.ask(async () => {
      await this.api.ask(path`/v1/vms/${vm}/opt-out`, { method: 'DELETE' })
      return { text: `${vm} may be moved again.` }
    })
  }

  /** What was said before is of another question. */
  forget(): void {
    if (this.deed.isAsking) return
    this.refused = undefined
    this.deed.failure = undefined
    this.deed.said = undefined
  }
}
