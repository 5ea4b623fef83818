/** One preview in a process of its own: started by `PreviewDesk`. */
import { constants } from 'node:os'
import { runAsJob, type Tell } from '../job-child.ts'
import { withSite } from '../open-site.ts'
import { compare } from './compare.ts'
import type { FromPreview, PreviewTask } from './job.ts'

runAsJob(constants.priority.PRIORITY_LOW, async (task: PreviewTask, tell: Tell<FromPreview>): Promise<FromPreview> => {
  const onProgress = (share: number): void => tell(() => ({ kind: 'progress', share }))
  return { kind: 'done', result: await withSite(task.place, (store) => compare(store, task, onProgress)) }
})
