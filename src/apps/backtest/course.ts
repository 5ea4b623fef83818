/** The course of a run: what its scoreboard adds up, step by step. */
import type { StepView } from '../../simulator/simulation.ts'
import type { DemandSeries } from '../../terms/trace.ts'
import { SECOND_MS } from '../../terms/units.ts'
import type { RunCourse } from './result.ts'

const NOTHING: StepView['totals'] = { joules: 0, unserved: 0, activeSeconds: 0, overloadSeconds: 0, migrations: 0 }

export class CourseKeeper {
  readonly course: RunCourse
  private readonly stepSeconds: number
  private before = NOTHING

  constructor({ steps, stepMs }: Pick<DemandSeries, 'steps' | 'stepMs'>) {
    this.stepSeconds = stepMs / SECOND_MS
    this.course = {
      overloadShare: new Float32Array(steps),
      watts: new Float32Array(steps),
      migrations: new Float32Array(steps),
      unserved: new Float32Array(steps),
    }
  }

  keep({ step, totals }: Pick<StepView, 'step' | 'totals'>): void {
    const { before, course, stepSeconds } = this
    const active = totals.activeSeconds - before.activeSeconds
    course.overloadShare[step] = active > 0 ? (totals.overloadSeconds - before.overloadSeconds) / active : 0
    course.watts[step] = (totals.joules - before.joules) / stepSeconds
    course.migrations[step] = totals.migrations - before.migrations
    course.unserved[step] = (totals.unserved - before.unserved) / stepSeconds
    this.before = totals
  }
}
