/** A preview while it is made: asked for, looked at until it is over. */
import type { PolicyPreviewView } from '../../../src/apps/server/views/preview.ts'
import { type Api, type ApiFailure, asFailure, path } from './api.ts'

/** Between two looks. */
const LOOK_MS = 700

export class PreviewRun {
  /** What is shown is of this change. */
  about: string = $state('')
  view: PolicyPreviewView | undefined = $state.raw()
  failure: ApiFailure | undefined = $state.raw()
  private readonly api: Api
  private abort: AbortController | undefined

  constructor(api: Api) {
    this.api = api
  }

  get isRunning(): boolean {
    return this.about !== '' && this.failure === undefined && (this.view === undefined || this.view.state === 'running')
  }

  /** Over for this change, however it ended. */
  isOverFor(wish: unknown): boolean {
    return this.about === JSON.stringify(wish) && !this.isRunning
  }

  async start(wish: object): Promise<void> {
    this.end()
    const abort = new AbortController()
    this.abort = abort
    this.about = JSON.stringify(wish)
    this.view = undefined
    this.failure = undefined
    const { signal } = abort
    try {
      let view = await this.api.ask<PolicyPreviewView>('/v1/policy/preview', { method: 'POST', body: wish, signal })
      this.view = view
      while (view.state === 'running') {
        await sleep(LOOK_MS)
        if (signal.aborted) return
        view = await this.api.ask<PolicyPreviewView>(path`/v1/policy/previews/${view.id}`, { signal })
        this.view = view
      }
    } catch (error) {
      if (signal.aborted) return
      this.failure = asFailure(error)
    }
  }

  /** Nobody looks any more. */
  end(): void {
    this.abort?.abort()
    this.abort = undefined
    this.about = ''
    this.view = undefined
    this.failure = undefined
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
