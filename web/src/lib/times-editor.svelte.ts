/** When moves may begin, while somebody edits it: what stands, the draft, and what it would have done. */
import type { MoveTimesView } from '../../../src/apps/server/views/moves.ts'
import { HOUR_MS } from '../../../src/terms/units.ts'
import { type Api, type ApiFailure, asFailure } from './api.ts'
import {
  areSameTimes,
  type BlackoutDraft,
  DAYS,
  type Day,
  draftOfTimes,
  readTimes,
  type TimesDraft,
  timesProblems,
  type Window,
} from './move-times.ts'
import { PreviewRun } from './preview-run.svelte.ts'
import { fieldText } from './utc-field.ts'

const BLACKOUT_MS = 24 * HOUR_MS

export class TimesEditor {
  /** What stood as the draft was begun. */
  base: MoveTimesView = $state.raw() as MoveTimesView
  draft: TimesDraft = $state.raw() as TimesDraft
  /** As the server told last: of another version than `base` where somebody else was faster. */
  stands: MoveTimesView = $state.raw() as MoveTimesView
  failure: ApiFailure | undefined = $state.raw()
  isSaving = $state(false)
  /** What was just saved, in words. */
  done = $state('')
  readonly preview: PreviewRun
  private readonly api: Api

  readonly isChanged = $derived(!areSameTimes(this.draft, draftOfTimes(this.base)))
  readonly isOvertaken = $derived(this.stands.version > this.base.version)
  readonly problems = $derived(timesProblems(this.draft))
  /** What a preview is asked about; absent: it can't be. */
  readonly wish = $derived(this.problems.length > 0 ? undefined : { moveTimes: readTimes(this.draft) })

  constructor(api: Api, stands: MoveTimesView) {
    this.api = api
    this.preview = new PreviewRun(api)
    this.stands = stands
    this.begin(stands)
  }

  /** What the server says stands: taken over where nothing is being edited. */
  hear(view: MoveTimesView): void {
    // What was asked before the last save is older than what that answered.
    if (view.version < this.base.version) return
    this.stands = view
    if (!this.isChanged) this.begin(view)
  }

  edit(change: Partial<TimesDraft>): void {
    this.draft = { ...this.draft, ...change }
    this.done = ''
    this.failure = undefined
  }

  setWindow(place: number, change: Partial<Window>): void {
    this.edit({ windows: this.draft.windows.map((one, i) => (i === place ? { ...one, ...change } : one)) })
  }

  toggleDay(place: number, day: Day): void {
    const has = this.draft.windows[place]?.days ?? []
    this.setWindow(place, { days: DAYS.filter((one) => (one === day ? !has.includes(day) : has.includes(one))) })
  }

  setBlackout(place: number, change: Partial<BlackoutDraft>): void {
    this.edit({ blackouts: this.draft.blackouts.map((one, i) => (i === place ? { ...one, ...change } : one)) })
  }

  /** A day, from the next full hour on. */
  addBlackout(now: number): void {
    const from = Math.ceil(now / HOUR_MS) * HOUR_MS
    const added = { from: fieldText(from), to: fieldText(from + BLACKOUT_MS), reason: '' }
    this.edit({ blackouts: [...this.draft.blackouts, added] })
  }

  /** My draft, to be set in place of what stands. */
  goOn(): void {
    if (!this.isSaving) this.base = this.stands
  }

  discard(): void {
    if (!this.isSaving) this.begin(this.stands)
  }

  async save(): Promise<void> {
    const { base, draft, wish } = this
    if (this.isSaving || wish === undefined) return
    this.isSaving = true
    this.failure = undefined
    try {
      const body = { replaces: base.version, ...wish.moveTimes }
      const view = await this.api.ask<MoveTimesView>('/v1/move-times', { method: 'PUT', body })
      if (view.version > this.stands.version) this.stands = view
      // What was written while it was saved is the next change.
      if (this.draft === draft) this.begin(view)
      else this.base = view
      this.done = `Version ${view.version} stands from now on.`
    } catch (error) {
      this.failure = asFailure(error)
    } finally {
      this.isSaving = false
    }
  }

  end(): void {
    this.preview.end()
  }

  private begin(view: MoveTimesView): void {
    this.base = view
    this.draft = draftOfTimes(view)
    this.failure = undefined
    this.preview.end()
  }
}
