/** What was measured of the page, beside its goals, as a page. */
import { showTable } from '../../backtest/section.ts'
import { type PageSizes, SCRIPT_BYTES_MAX } from '../page-sizes.ts'
import type { PageFigures } from './measure.ts'
import type { Spread } from './walk.ts'

export interface About {
  readonly commit: string
  readonly at: string
  readonly cpu: string
  readonly cores: number
  readonly node: string
  /** Tasks that wanted a CPU in the minute before. */
  readonly busyBefore: number
  /** Of all of it. */
  readonly seconds: number
  /** Of the build of the page. Absent: it was fresh. */
  readonly buildSec?: number
}

export interface PageGoal {
  readonly what: string
  readonly goal: string
  readonly found: string
  readonly isMet: boolean
}

const FIRST_PAINT_MS_MAX = 1000
const INTERACTION_MS_MAX = 100
const MEMORY_MIB_MAX = 300
const BUILD_SEC_MAX = 20

/** Of the largest site, but for the first. */
export function goalsOf({ buildSec }: About, sizes: PageSizes, measured: readonly PageFigures[]): readonly PageGoal[] {
  const [largest] = sizes.pages
  const most = measured[measured.length - 1]
  const slowest = most.interactions.reduce((slow, one) => (one.latencyMs.least > slow.latencyMs.least ? one : slow))
  const paint = Math.max(...measured.map(({ firstPaintMs }) => firstPaintMs.least))
  return [
    {
      what: `JavaScript of the page that asks for most of it (${largest.page})`,
      goal: `<= ${SCRIPT_BYTES_MAX / 1000} kB gzipped`,
      found: `${(largest.firstBytes / 1000).toFixed(1)} kB`,
      isMet: largest.firstBytes <= SCRIPT_BYTES_MAX,
    },
    {
      what: 'first paint, whatever the size of the site',
      goal: `<= ${FIRST_PAINT_MS_MAX} ms`,
      found: `${Math.round(paint)} ms`,
      isMet: paint <= FIRST_PAINT_MS_MAX,
    },
    {
      what: `slowest interaction over ${most.vms} VMs (${slowest.what})`,
      goal: `<= ${INTERACTION_MS_MAX} ms`,
      found: `${Math.round(slowest.latencyMs.least)} ms`,
      isMet: slowest.latencyMs.least <= INTERACTION_MS_MAX,
    },
    {
      what: `memory of the page over ${most.vms} VMs, at its most`,
      goal: `<= ${MEMORY_MIB_MAX} MiB`,
      found: `${Math.round(most.memory.most.ownMiB)} MiB`,
      isMet: most.memory.most.ownMiB <= MEMORY_MIB_MAX,
    },
    ...(buildSec === undefined
      ? []
      : [
          {
            what: 'the page is built anew',
            goal: `<= ${BUILD_SEC_MAX} s`,
            found: `${buildSec} s`,
            isMet: buildSec <= BUILD_SEC_MAX,
          },
        ]),
  ]
}

export function pageText(all: {
  readonly about: About
  readonly sizes: PageSizes
  readonly measured: readonly PageFigures[]
}): string {
  const { about, sizes, measured } = all
  const { commit, at, cpu, cores, node, busyBefore, seconds } = about
  const most = measured[measured.length - 1]
  return `# The dashboard, measured

\`npm run bench:page\` wrote this, in ${seconds} s: commit ${commit}, ${at}, ${cores} cores of ${cpu}, Node ${node}; ${busyBefore} tasks wanted a CPU in
the minute before. Server, page and whoever clicks share these cores. Times are the least and the median of ${most.firstPaintMs.times} repetitions
(3 over the smaller sites): the least is what a thing takes where nothing else works on the machine.

${showTable(
  ['goal', '', 'measured', ''],
  goalsOf(about, sizes, measured).map(({ what, goal, found, isMet }) => [what, goal, found, isMet ? 'met' : 'MISSED']),
)}

## JavaScript
All pages together are ${(sizes.totalBytes / 1000).toFixed(1)} kB gzipped in ${sizes.files} files; a page is fetched once somebody goes there.

${showTable(
  ['page', 'all that it asks for, kB', 'of it no other page asks for, kB'],
  sizes.pages.map(({ page, firstBytes, ownBytes }) => [page, kB(firstBytes), kB(ownBytes)]),
)}

## By size of the site
${bySize(measured)}

Memory is that of the page's process, in a browser that nobody drives by Playwright, after ${WALKED}:
JavaScript's heap; its own as Chromium counts a footprint (anonymous, and what of it is swapped out); resident, with the browser's program.

## Interactions over ${most.vms} VMs on ${most.hosts} hosts
From the input to the frame that shows its effect; the longest time without a frame meanwhile; CPU of the page's main thread for all of it (a name is typed
key by key, a scroll is ten turns of the wheel by 700 px); and until what was opened stands there with the server's answer. The ledger holds
${most.vms} imagined moves.

${showTable(
  ['what', 'to the frame, ms', 'longest without one, ms', 'CPU, ms', 'there after, ms', 'rows drawn'],
  most.interactions.map(({ what, latencyMs, frameGapMs, cpuMs, thereMs, rows }) => [
    what,
    both(latencyMs),
    both(frameGapMs),
    String(Math.round(cpuMs.least)),
    thereMs === undefined ? '' : both(thereMs),
    String(rows),
  ]),
)}
`
}

const WALKED = 'each page was visited twice, every table sorted by every column and scrolled to its end'

function bySize(measured: readonly PageFigures[]): string {
  const row = (what: string, of: (one: PageFigures) => string): string[] => [what, ...measured.map(of)]
  return showTable(
    ['', ...measured.map(({ hosts, vms }) => `${hosts} hosts, ${vms} VMs`)],
    [
      row('first paint, ms', ({ firstPaintMs }) => both(firstPaintMs)),
      row('first paint with content, ms', ({ contentfulMs }) => both(contentfulMs)),
      row('list of hosts stands there, ms', ({ listMs }) => both(listMs)),
      row('CPU of the main thread until then, ms', ({ loadCpuMs }) => both(loadCpuMs)),
      row('sent for all of the page: JavaScript, kB', ({ wire }) => kB(wire.script)),
      row('styles and document, kB', ({ wire }) => kB(wire.style + wire.document)),
      row('answers: packed, and unpacked, kB', ({ wire }) => `${kB(wire.answers)}, ${kB(wire.unpacked)}`),
      row('slowest interaction, ms', ({ interactions }) =>
        String(Math.round(Math.max(...interactions.map(({ latencyMs }) => latencyMs.least)))),
      ),
      row('heap: empty page / first list / most, MiB', ({ memory }) => mib(memory, 'heapMiB')),
      row('own memory, the same', ({ memory }) => mib(memory, 'ownMiB')),
      row('resident memory, the same', ({ memory }) => mib(memory, 'residentMiB')),
      row('rows drawn at most', ({ interactions }) => String(Math.max(...interactions.map(({ rows }) => rows)))),
      row('CPU of the server meanwhile, s', ({ serverCpuSec }) => serverCpuSec.toFixed(1)),
    ],
  )
}

function mib({ empty, first, most }: PageFigures['memory'], name: 'heapMiB' | 'ownMiB' | 'residentMiB'): string {
  return [empty, first, most].map((one) => Math.round(one[name])).join(' / ')
}

function both({ least, median }: Spread): string {
  return `${Math.round(least)}, ${Math.round(median)}`
}

function kB(bytes: number): string {
  return (bytes / 1000).toFixed(1)
}
