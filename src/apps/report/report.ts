import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BacktestRun } from '../backtest/result.ts'
import { escapeHtml, formatNumber, formatSpan } from './escape.ts'
import { packRun } from './pack.ts'
import { renderScatter } from './scatter.ts'
import { renderScoreboard, renderVerdict } from './scoreboard.ts'
import { renderSections } from './sections.ts'
import { judgeRun } from './verdict.ts'

/** The page's scripts, in the order in which they are joined: each uses only what stands before it. */
const SCRIPTS: readonly string[] = [
  'blob',
  'words',
  'canvas',
  'cursor',
  'heat-colours',
  'heat-map',
  'fleet',
  'coverage',
  'host',
  'histogram',
  'moves',
  'main',
]

/** The run as one HTML file that needs nothing but itself. Its security policy forbids to load or run
 *  anything else. */
export function renderReport(run: BacktestRun): string {
  const script = joinScripts()
  const style = readFileSync(new URL('browser/report.css', import.meta.url), 'utf8')
  const allowed = `script-src '${hashOf(script)}'; style-src '${hashOf(style)}'`
  const rules = `default-src 'none'; ${allowed}; base-uri 'none'; form-action 'none'`
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${rules}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">',
    `<title>${escapeHtml(`Backtest of ${run.traceName}`)} · Ethos</title>`,
    `<style>${style}</style></head><body>`,
    renderHead(run),
    '<main>',
    renderSections(run),
    '</main>',
    renderFoot(run),
    `<script type="text/plain" id="run">${packRun(run)}</script>`,
    `<script>${script}</script>`,
    '</body></html>\n',
  ].join('\n')
}

/** The modules as one script. Imports go, since all stands in one block, where a name used twice is a syntax error. */
function joinScripts(): string {
  const bodies = SCRIPTS.map((name) => {
    const text = readFileSync(new URL(`browser/${name}.js`, import.meta.url), 'utf8')
    return text.replace(/^import [^']*'[^']+'$/gm, '').replace(/^export /gm, '')
  })
  return `'use strict';\n{\n${bodies.join('\n')}\n}\n`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function renderHead(run: BacktestRun): string {
  const verdict = judgeRun(run.results)
  const facts: readonly (readonly [string, string])[] = [
    ['VMs', formatNumber(run.vms)],
    ['Hosts', formatNumber(run.hosts.length)],
    ['Fleet', run.fleetName],
    ['Rules', run.rules],
    ['Span', `${formatSpan(run.steps * run.stepMs)} in ${formatNumber(run.steps)} steps of ${formatSpan(run.stepMs)}`],
    ['Seed', String(run.seed)],
  ]
  const list = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')
  return [
    `<header><p class="brand">Ethos · backtest</p><h1>${escapeHtml(run.traceName)}</h1>`,
    `<dl class="facts">${list}</dl>`,
    renderCaveats(run),
    `<p class="summary">${escapeHtml(verdict.summary)}</p>`,
    '</header>',
    '<section class="outcome" aria-labelledby="outcome-title"><h2 id="outcome-title">What it achieved</h2>',
    `<div class="beside"><div>${renderVerdict(verdict)}</div>`,
    `<figure>${renderScatter(run.results)}`,
    '<figcaption>Lower left is better: little energy, little overload.</figcaption></figure></div>',
    renderScoreboard(run.results),
    '</section>',
  ].join('\n')
}

function renderCaveats(run: BacktestRun): string {
  const synthetic =
    run.synthetic.length === 0
      ? ''
      : `<p class="badge"><b>Synthetic:</b> ${escapeHtml(run.synthetic.join(', '))}. ` +
        'Generated, not measured: what depends on it is an illustration.</p>'
  if (run.notes.length === 0) return synthetic
  return `${synthetic}<ul class="notes">${run.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`
}

function renderFoot(run: BacktestRun): string {
  return (
    `<footer><p>Loads in the plots are rounded to 0.05 % of capacity; overload never rounds away. ` +
    `The table holds the exact results. ` +
    `Seed ${escapeHtml(String(run.seed))} repeats the run.</p></footer>`
  )
}
