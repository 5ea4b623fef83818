/** Says that a VM is to be left alone, or that it may be moved again. Forced is only what was refused because another rule wants it moved. */
import { type Api, path } from './api.ts'
import { Deed } from './deed.svelte.ts'
import { PreviewRun } from './preview-run.svelte.ts'

export interface OptOutWish {
  readonly vm: string
  readonly reason: string
}

/** Left alone from now on, or no more. */
export type OptOutChange = 'add' | 'remove'

function previewWish(vm: string, change: OptOutChange): object {
  return { optOuts: { [change]: [vm.trim()] } }
}

export class OptOut {
  readonly deed = new Deed()
  /** What it would have made of the last day. */
  readonly preview: PreviewRun
  private readonly api: Api
  private refused: OptOutWish | undefined = $state.raw()

  constructor(api: Api) {
    this.api = api
    this.preview = new PreviewRun(api)
  }

  /** Whether this wish, and no other, was refused for a rule. */
  mayForce(wish: OptOutWish): boolean {
    const { refused, deed } = this
    return deed.isRefusedByRule && refused?.vm === wish.vm.trim() && refused.reason === wish.reason.trim()
  }

  /** Begins to look at what a change would have made of the last day. Nothing is changed by that, and nobody has to wait for it. */
  look(vm: string, change: OptOutChange): void {
    void this.preview.start(previewWish(vm, change))
  }

  /** Whether what is shown is of another VM than is asked about by now. */
  isOldLook(vm: string, change: OptOutChange): boolean {
    const { about } = this.preview
    return about !== '' && about !== JSON.stringify(previewWish(vm, change))
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
    this.preview.end()
    if (this.deed.isAsking) return
    this.refused = undefined
    this.deed.failure = undefined
    this.deed.said = undefined
  }
}
