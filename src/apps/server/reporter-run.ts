/** How a reporter names itself beside its report, and how long a report may be: what both ends know. */
import { MiB } from '../../terms/units.ts'

/** Of a report as it is sent. A longer one is packed. */
export const REPORT_BYTES_MAX = MiB
export const REPORT_VMS_MAX = 6000

/** One run of a reporter. A machine that is a copy of another has one of its own, and so has a reporter that was started anew. */
export interface ReporterRun {
  /** Drawn by lot at its start. */
  readonly run: string
  /** How many reports it has tried to send, this one included. */
  readonly number: number
  /** Of the machine's last boot. Absent: it could not be read. */
  readonly boot?: string
}

/** What a header `Ethos-Reporter` holds. */
const RUN = /^([0-9a-f]{16}) (\d{1,15})(?: ([0-9a-f]{16}))?$/

/** Reads it; undefined where there is none: reporters of before say nothing, and are not told apart. */
export function readRun(header: unknown): ReporterRun | undefined {
  const [, run, number, boot] = RUN.exec(typeof header === 'string' ? header : '') ?? []
  return run === undefined ? undefined : { run, number: Number(number), ...(boot === undefined ? {} : { boot }) }
}

export function writeRun({ run, number, boot }: ReporterRun): string {
  return [run, String(number), ...(boot === undefined ? [] : [boot])].join(' ')
}
