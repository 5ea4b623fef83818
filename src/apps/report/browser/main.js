import { counts, element, openRun } from './blob.js'
import { fleetPlots } from './fleet.js'
import { heatMap } from './heat-map.js'
import { hostPlot } from './host.js'
import { movesView } from './moves.js'
/** @import { Run, State } from './blob.js' */

/** @param {Run} run */
function showRun(run) {
  const policies = element('policies', HTMLFieldSetElement)
  if (run.manifest.policies.length === 0) throw new Error('No policy was run.')
  const chosen = () => Number(policies.querySelector('input:checked')?.getAttribute('value') ?? 0)
  /** @type {State} */
  const state = { run, policy: run.manifest.policies[chosen()], row: 0, pickRow: () => {} }
  const drawHeat = heatMap(state)
  const host = hostPlot(state)
  const moves = movesView(state)
  const drawFleet = fleetPlots(state)
  const showHost = () => {
    const rows = counts(run, state.policy.rows)
    const name = run.manifest.hosts[rows[state.row]] ?? 'this host'
    element('moves-host-name', HTMLSpanElement).textContent = `only ${name}`
    host.show()
  }
  const showPolicy = () => {
    state.policy = run.manifest.policies[chosen()]
    state.row = state.policy.eventfulRow ?? 0
    host.fill()
    moves.introduce()
    moves.list()
    redraw()
  }
  const redraw = () => {
    drawFleet()
    drawHeat()
    showHost()
    moves.draw()
  }
  state.pickRow = (row) => {
    state.row = row
    drawHeat()
    showHost()
    moves.list()
  }
  policies.hidden = run.manifest.policies.length < 2
  policies.addEventListener('change', showPolicy)
  showPolicy()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)
  let width = document.documentElement.clientWidth
  new ResizeObserver(() => {
    if (document.documentElement.clientWidth === width) return
    width = document.documentElement.clientWidth
    redraw()
  }).observe(document.documentElement)
}

/** @param {unknown} error */
function showFailure(error) {
  const place = element('failure', HTMLParagraphElement)
  place.hidden = false
  const isOld = typeof DecompressionStream === 'undefined'
  const why = isOld ? 'this browser is too old; one of 2023 or later is needed' : String(error)
  place.textContent = `The plots could not be drawn: ${why} The table above is complete.`
}

openRun(element('run', HTMLScriptElement).textContent ?? '')
  .then(showRun)
  .catch(showFailure)
