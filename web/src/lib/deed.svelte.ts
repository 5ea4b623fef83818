/** Something that a person asks the server to do: once, with what it said of it. */
import { type ApiFailure, asFailure } from './api.ts'

export class Deed {
  isAsking = $state(false)
  failure: ApiFailure | undefined = $state.raw()
  /** What the server said was done. */
  said: string | undefined = $state()

  /** It contradicts a rule, and may be meant all the same: the server being busy is none, nor is a list that others change at the same time, a 409 too. */
  get isRefusedByRule(): boolean {
    return this.failure?.status === 409 && this.failure.remedy?.includes('isForced') === true
  }

  /** True where it was done. While it asks, whoever asks again is not heard. */
  async ask(question: () => Promise<{ readonly text: string } | undefined>): Promise<boolean> {
    if (this.isAsking) return false
    this.isAsking = true
    this.failure = undefined
    this.said = undefined
    try {
      this.said = (await question())?.text ?? 'Done.'
      return true
    } catch (error) {
      this.failure = asFailure(error)
      return false
    } finally {
      this.isAsking = false
    }
  }
}
