import type { BacktestResult } from '../backtest/result.ts'
import { escapeHtml } from './escape.ts'
import { bestOf, CLOUDSIM_OVERLOAD_TIME, METRICS, type Metric, policyKind } from './metrics.ts'
import type { Comparison, RunVerdict } from './verdict.ts'

/** The table of all policies; oracles last, as bounds that win nothing. */
export function renderScoreboard(results: readonly BacktestResult[]): string {
  if (results.length === 0) return '<p class="empty">No policy was run.</p>'
  const metrics = results.some((result) => result.cloudsimSlatahFraction !== undefined)
    ? [...METRICS, CLOUDSIM_OVERLOAD_TIME]
    : METRICS
  const order = [
    ...results.filter((result) => policyKind(result.policy) !== 'oracle'),
    ...results.filter((result) => policyKind(result.policy) === 'oracle'),
  ]
  const heads = metrics
    .map((metric) => `<th scope="col" title="${escapeHtml(metric.meaning)}">${escapeHtml(metric.title)}</th>`)
    .join('')
  const rows = order.map((result) => renderRow(result, metrics, results)).join('')
  const meanings = metrics.map((m) => `<dt>${escapeHtml(m.title)}</dt><dd>${escapeHtml(m.meaning)}</dd>`).join('')
  return (
    `<p class="reading" id="reading">Less is better in every column. ` +
    `<span class="best">Marked</span>: the best of those who do not see the future. ` +
    `Oracles do: they show what is left to win.</p>` +
    `<div class="scroll" tabindex="0" role="region" aria-label="Scoreboard">` +
    `<table class="scoreboard" aria-describedby="reading"><thead><tr><th scope="col">Policy</th>${heads}</tr></thead>` +
    `<tbody>${rows}</tbody></table></div>` +
    `<details class="key"><summary>What the columns mean</summary><dl>${meanings}</dl></details>`
  )
}

function renderRow(result: BacktestResult, metrics: readonly Metric[], results: readonly BacktestResult[]): string {
  const kind = policyKind(result.policy)
  const bound = kind === 'oracle' ? ' <span class="tag">bound</span>' : ''
  const cells = metrics.map((metric) => {
    const value = metric.valueOf(result)
    if (value === undefined) return '<td class="absent">–</td>'
    const isBest = kind !== 'oracle' && value === bestOf(metric, results)
    const text = escapeHtml(metric.format(value))
    return isBest ? `<td><span class="best">${text}<span class="unseen"> (best)</span></span></td>` : `<td>${text}</td>`
  })
  return `<tr class="${kind}"><th scope="row">${escapeHtml(result.policy)}${bound}</th>${cells.join('')}</tr>`
}

/** How our policy did against each other one: won and lost columns both. */
export function renderVerdict(verdict: RunVerdict): string {
  const items = verdict.comparisons.map(renderComparison).join('')
  return items === '' ? '' : `<ul class="verdicts">${items}</ul>`
}

function renderComparison(comparison: Comparison): string {
  const against = comparison.kind === 'bound' ? 'Against the bound' : 'Against'
  const lines = [
    renderLine('better', 'Better', comparison.better),
    renderLine('worse', 'Worse', comparison.worse),
    renderLine('same', 'The same', comparison.same),
  ]
  return `<li><h3>${against} ${escapeHtml(comparison.policy)}</h3>${lines.join('')}</li>`
}

function renderLine(style: string, word: string, phrases: readonly string[]): string {
  if (phrases.length === 0) return style === 'same' ? '' : `<p class="${style}"><b>${word}:</b> in nothing.</p>`
  return `<p class="${style}"><b>${word}:</b> ${escapeHtml(phrases.join(', '))}.</p>`
}
