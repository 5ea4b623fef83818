import { loadCodes } from './blob.js'
/** @import { State } from './blob.js' */

/**
 * How often demand stayed within a limit, over the steps that have both.
 * @param {ArrayLike<number>} demand
 * @param {ArrayLike<number>} limit
 */
export function coverage(demand, limit) {
  let steps = 0
  let held = 0
  for (let i = 0; i < demand.length; i++) {
    if (Number.isNaN(demand[i] + limit[i])) continue
    steps++
    if (demand[i] <= limit[i]) held++
  }
  return { steps, held }
}

/**
 * The same for all hosts of the policy and its p95 forecast, made `lead` columns before.
 * @param {State} state
 * @param {number} lead
 */
export function coverageOfAll(state, lead) {
  const { run, policy } = state
  const { columns } = run.manifest
  const load = loadCodes(run, policy.load)
  const p95 = policy.forecast === undefined ? new Uint16Array() : loadCodes(run, policy.forecast.p95)
  let steps = 0
  let held = 0
  for (let cell = lead; cell < p95.length; cell++) {
    if (cell % columns < lead || load[cell] === 0 || p95[cell - lead] === 0) continue
    steps++
    if (load[cell] <= p95[cell - lead]) held++
  }
  return { steps, held }
}
