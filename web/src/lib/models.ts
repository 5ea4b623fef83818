/** Which models what is shown comes from, in sentences: another model has another name, and the page stays as it is. */
import type { ModelsView } from '../../../src/apps/server/views/models.ts'
import type { OutlookView } from '../../../src/apps/server/views/outlook.ts'

/** Of a plan, and of one order of it. */
export function planModelsText({ forecast, suitability, cost }: ModelsView): string {
  return `Models: demand ahead ${forecast}; gain and confidence ${suitability}; what a migration takes ${cost}.`
}

/** Of hosts now and next. Empty: nobody told yet. */
export function outlookModelsText(outlook: Pick<OutlookView, 'models'> | undefined): string {
  if (outlook === undefined) return ''
  return `Models: demand ahead ${outlook.models.demand}; contention ${outlook.models.contention}.`
}

/** Where of what is ahead contention alone is shown. Empty: nobody told yet. */
export function contentionModelText(outlook: Pick<OutlookView, 'models'> | undefined): string {
  return outlook === undefined ? '' : `Model of contention: ${outlook.models.contention}.`
}
