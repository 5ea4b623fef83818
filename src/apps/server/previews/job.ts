/** What a preview is asked to compare, and what its process says. Settings travel as the text that the store would keep. */
import type { EpochMs } from '../../../terms/units.ts'
import type { JobRefused } from '../job-child.ts'
import type { StorePlace } from '../open-site.ts'
import type { Automation } from '../site-settings.ts'
import type { PreviewResultView } from '../views/preview.ts'

export interface WishedTexts {
  readonly policy: string
  readonly automation: Pick<Automation, 'level' | 'isPaused'>
  readonly moveTimes: string
  /** VMs that are left alone. */
  readonly optOuts: readonly string[]
}

export interface PreviewTask {
  readonly place: StorePlace
  readonly now: EpochMs
  readonly spanMs: number
  readonly current: WishedTexts
  readonly proposed: WishedTexts
}

export type FromPreview =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done'; readonly result: PreviewResultView }
  | JobRefused
