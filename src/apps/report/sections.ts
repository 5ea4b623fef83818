import type { BacktestRun } from '../backtest/result.ts'
import { escapeHtml } from './escape.ts'
import { policyKind } from './metrics.ts'

/** The frames the page's script fills. Without the script they say so. */
export function renderSections(run: BacktestRun): string {
  return [
    '<noscript><p class="empty">The plots are drawn by this page’s own script, which is switched off.</p></noscript>',
    '<p class="empty" id="failure" role="alert" hidden></p>',
    fleetSection(run),
    policyPicker(run),
    heatSection(),
    hostSection(),
    movesSection(),
    '<div id="tip" role="status" aria-live="polite" hidden></div>',
  ].join('\n')
}

function fleetSection(run: BacktestRun): string {
  const several = run.details.length > 1 ? 'all policies' : 'the one policy that was run'
  return `<section aria-labelledby="fleet-title"><h2 id="fleet-title">Hosts on over time</h2>
<p class="hint">Hosts that carry a VM, and those of them whose demand exceeds capacity, for ${several}.
<span id="fleet-hint"></span></p>
<div id="fleet-legend" class="legend" role="group" aria-label="Policies shown"></div>
<h3>Hosts carrying VMs</h3>
<canvas id="fleet-on" tabindex="0" role="application" aria-roledescription="line plot"></canvas>
<h3>Overloaded hosts</h3>
<canvas id="fleet-over" tabindex="0" role="application" aria-roledescription="line plot"></canvas>
</section>`
}

/** One choice for all sections below it. Ours comes first; without script the choice would do nothing. */
function policyPicker(run: BacktestRun): string {
  const names = run.details.map((detail) => detail.policy)
  const first = Math.max(
    0,
    names.findIndex((name) => policyKind(name) === 'ours'),
  )
  const choices = names.map(
    (name, i) =>
      `<label class="${policyKind(name)}">` +
      `<input type="radio" name="policy" value="${i}"${i === first ? ' checked' : ''}>` +
      `<span>${escapeHtml(name)}</span></label>`,
  )
  const legend = '<legend>Policy shown below</legend>'
  return `<fieldset id="policies" class="policies" hidden>${legend}${choices.join('')}</fieldset>`
}

function heatSection(): string {
  return `<section aria-labelledby="heat-title"><h2 id="heat-title">Load of every host</h2>
<p class="hint" id="heat-hint"></p>
<div class="controls"><div id="heat-key" class="heat-key" aria-hidden="true"></div>
<label id="heat-stretch-label" hidden><input id="heat-stretch" type="checkbox">
<span id="heat-stretch-text"></span></label></div>
<canvas id="heat" tabindex="0" role="application" aria-roledescription="heat map" aria-describedby="heat-hint"></canvas>
</section>`
}

function hostSection(): string {
  return `<section aria-labelledby="host-title"><h2 id="host-title">One host: demand and forecast</h2>
<div class="controls">
<label>Host <select id="host-choice"></select></label>
<label id="lead-label">Forecast as made <select id="lead-choice"></select></label>
</div>
<p class="hint" id="host-hint"></p>
<div id="host-key" class="legend" aria-hidden="true"></div>
<canvas id="host" tabindex="0" role="application" aria-roledescription="line plot"
aria-describedby="host-hint"></canvas>
</section>`
}

function movesSection(): string {
  return `<section aria-labelledby="moves-title"><h2 id="moves-title">Moves</h2>
<p class="hint" id="moves-hint"></p>
<div id="moves-key" class="legend" aria-hidden="true"></div>
<canvas id="histogram" tabindex="0" role="application" aria-roledescription="histogram"
aria-describedby="moves-hint"></canvas>
<div class="controls" id="moves-controls">
<label>Class <select id="class-choice"></select></label>
<label>Search <input id="moves-search" type="search" placeholder="VM, host or reason" autocomplete="off"></label>
<label class="tick"><input id="moves-host" type="checkbox"> <span id="moves-host-name">only this host</span></label>
<button id="moves-time" type="button" hidden></button>
</div>
<p id="moves-count" role="status"></p>
<div class="scroll" tabindex="0" role="region" aria-label="List of moves" id="moves-frame">
<table class="moves"><thead><tr><th scope="col">Time</th><th scope="col">VM</th><th scope="col">From → to</th>
<th scope="col">Class</th><th scope="col">Reason</th><th scope="col">Gain</th><th scope="col">Cost</th>
<th scope="col">Confidence</th></tr></thead><tbody id="moves-rows"></tbody></table></div>
<button id="moves-more" type="button" hidden></button>
</section>`
}
