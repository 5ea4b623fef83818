/** What a change would have done to the last day, as the page tells it. */
import type { PolicyCheckView, PreviewResultView } from '../../../src/apps/server/views/preview.ts'
import {
  bytesText,
  countText,
  factorText,
  instantText,
  minuteText,
  numberText,
  spanText,
} from '../../../src/terms/shown.ts'
import { needsRole } from './roles.ts'

/** One figure of both replays. */
export interface PreviewRow {
  readonly title: string
  readonly help: string
  readonly current: string
  readonly proposed: string
  /** `+3`, `−12 min`; `same` where both are equal. */
  readonly difference: string
  /** Whether less of it is better; absent: neither is. */
  readonly verdict?: 'better' | 'worse'
}

type Replay = PreviewResultView['current']

const KWH = (value: number): string => `${factorText(value)} kWh`
const CORE_HOURS = (value: number): string => `${factorText(value)} core h`

const FIGURES: readonly {
  readonly title: string
  readonly help: string
  readonly of: (replay: Replay) => number
  readonly show: (value: number) => string
  readonly isLessBetter: boolean
}[] = [
  {
    title: 'Time in contention',
    help: 'of all hosts together',
    of: ({ contentionMs }) => contentionMs,
    show: spanText,
    isLessBetter: true,
  },
  {
    title: 'Demand not served',
    help: 'reference-core hours that were wanted and not given',
    of: ({ unservedCoreHours }) => unservedCoreHours,
    show: CORE_HOURS,
    isLessBetter: true,
  },
  {
    title: 'Energy',
    help: 'of all hosts',
    of: ({ energyKwh }) => energyKwh,
    show: KWH,
    isLessBetter: true,
  },
  {
    title: 'Moves',
    help: 'carried out by themselves',
    of: ({ moves }) => moves,
    show: numberText,
    isLessBetter: false,
  },
  {
    title: 'Proposals',
    help: 'ordered, and left to people by the level or the times',
    of: ({ proposals }) => proposals,
    show: numberText,
    isLessBetter: false,
  },
  {
    title: 'Memory sent',
    help: 'by moves',
    of: ({ copiedBytes }) => copiedBytes,
    show: bytesText,
    isLessBetter: false,
  },
]

export function previewRows({ current, proposed }: PreviewResultView): readonly PreviewRow[] {
  return FIGURES.map(({ title, help, of, show, isLessBetter }) => {
    const [was, is] = [of(current), of(proposed)]
    const [wasText, isText] = [show(was), show(is)]
    // What reads the same is the same: nobody can see more than that.
    if (wasText === isText) return { title, help, current: wasText, proposed: isText, difference: 'same' }
    const difference = `${is > was ? '+' : '−'}${show(Math.abs(is - was))}`
    const verdict = is < was ? 'better' : 'worse'
    const row = { title, help, current: wasText, proposed: isText, difference }
    return isLessBetter ? { ...row, verdict } : row
  })
}

/** One sentence with what matters most. */
export function previewSentence({ current, proposed, hosts, vms }: PreviewResultView): string {
  const away = current.contentionMs - proposed.contentionMs
  const contention =
    spanText(current.contentionMs) === spanText(proposed.contentionMs)
      ? `the same ${spanText(proposed.contentionMs)} in contention`
      : `${spanText(Math.abs(away))} ${away > 0 ? 'less' : 'more'} in contention`
  const moves = countText(proposed.moves, 'move')
  return `Over ${hosts} hosts and ${vms} VMs: ${moves} where what stands makes ${current.moves}, and ${contention}.`
}

/** Which span was replayed. */
export function replayText({ from, to, turns }: Pick<PreviewResultView, 'from' | 'to' | 'turns'>): string {
  return `Replay of ${minuteText(from)} to ${instantText(to)}, ${turns} turns each`
}

/** Hosts whose time in contention differs, the most first, and the longest of all for the scale of the bars. */
export function contentionRows(result: PreviewResultView, most = 12) {
  const rows = result.contention.slice(0, most)
  const longest = Math.max(1, ...rows.flatMap(({ currentMs, proposedMs }) => [currentMs, proposedMs]))
  return { rows, longest, leftOut: result.contention.length - rows.length }
}

/** Whether a change may be saved on what is known of it. `reason`: why not. */
export function mayBeSaved(about: {
  readonly isChanged: boolean
  readonly problems: number
  readonly check: PolicyCheckView | undefined
  /** Whether the preview is of exactly this change, and over, however it ended. */
  readonly isPreviewed: boolean
  readonly isOperator: boolean
}): { readonly isGood: boolean; readonly reason?: string } {
  if (!about.isOperator) return no(needsRole('operator'))
  if (!about.isChanged) return no('Nothing is changed.')
  if (about.problems > 0) return no('Fields that can’t be understood are marked.')
  if (about.check !== undefined && about.check.problems.length > 0) return no(about.check.problems[0]?.text ?? '')
  if (!about.isPreviewed) return no('Look at what it would have done first.')
  return { isGood: true }
}

function no(reason: string): { readonly isGood: false; readonly reason: string } {
  return { isGood: false, reason }
}
